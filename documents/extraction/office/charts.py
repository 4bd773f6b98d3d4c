"""Read the data of a chart in Word or PowerPoint as a table."""

from documents.extraction.blocks.blocks import Block, Cell, Table, tidy
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.ooxml import Package
from documents.extraction.office.xlsx_formats import plain_number
from documents.extraction.web.xml import Attributes, XMLHandler

MAX_POINTS = 10_000


def chart_blocks(package: Package, part: str) -> list[Block]:
    """Return the chart's title, and a table with a row per category and a column per series."""
    reader = ChartReader()
    try:
        package.parse_part(part, reader)
    except UnreadableFile:
        return []
    title = tidy("".join(reader.title)).replace("\n", " ")
    blocks = [Block("paragraph", title)] if title else []
    rows = reader.rows()
    if len(rows) > 1:
        cells = [[Cell([Block("paragraph", text)]) for text in row] for row in rows]
        blocks.append(Block("table", table=Table(cells, header_rows=1)))
    return blocks


class Series:
    def __init__(self) -> None:
        self.found: dict[str, dict[int, str]] = {"c:tx": {}, "c:cat": {}, "c:val": {}}


class ChartReader(XMLHandler):
    def __init__(self) -> None:
        self.series: list[Series] = []
        self.title: list[str] = []
        self.axis = ""
        self.index = self.points = 0
        self.is_title = self.is_title_text = self.is_value = False

    def rows(self) -> list[list[str]]:
        """The header row and the data rows. The first series defines the categories, as in Office."""
        if not self.series:
            return []
        categories = self.series[0].found["c:cat"]
        places = sorted({place for each in self.series for place in each.found["c:val"]})
        names = ["", *(next(iter(each.found["c:tx"].values()), "") for each in self.series)]
        return [
            names,
            *(
                [categories.get(place, ""), *(each.found["c:val"].get(place, "") for each in self.series)]
                for place in places
            ),
        ]

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "c:title" and not self.series:
            self.is_title = True
        elif name == "a:t":
            self.is_title_text = self.is_title
        elif name == "c:ser":
            self.series.append(Series())
        elif name in ("c:tx", "c:cat", "c:val"):
            self.axis = name
        elif name == "c:pt":
            index = attributes.get("idx", "0")
            self.index = int(index) if index.isdecimal() and len(index) < 8 else 0
        elif name == "c:v":
            self.is_value = True

    def end(self, name: str) -> None:
        if name == "c:title":
            self.is_title = False
        elif name == "a:t":
            self.is_title_text = False
        elif name in ("c:tx", "c:cat", "c:val"):
            self.axis = ""
        elif name == "c:v":
            self.is_value = False

    def text(self, text: str) -> None:
        if self.is_title_text:
            self.title.append(text)
        elif self.is_value and self.axis and self.series and self.points < MAX_POINTS:
            self.points += 1
            self.series[-1].found[self.axis][self.index] = (
                display_value(text) if self.axis == "c:val" else tidy(text)
            )


def display_value(value: str) -> str:
    try:
        return plain_number(float(value))
    except ValueError:
        return tidy(value)
