"""Track the open lists of an OpenDocument file and number their items."""

from dataclasses import dataclass

from documents.extraction.office.opendocument.styles import MAX_STYLES, OpenStyles, number_of
from documents.extraction.web.xml import Attributes


@dataclass
class OpenList:
    """An open list and the count of its items."""

    style: str
    id: str
    key: str
    count: int = 0


class OpenLists:
    """The open lists, and the final counts of closed ones, which later lists may continue."""

    def __init__(self, styles: OpenStyles) -> None:
        self.styles = styles
        self.open: list[OpenList] = []
        self.last_counts: dict[str, int] = {}  # by list id, and by depth and style
        self.is_new_item = False

    @property
    def depth(self) -> int:
        return len(self.open)

    def begin(self, attributes: Attributes) -> None:
        style = attributes.get("text:style-name") or (self.open[-1].style if self.open else "")
        new = OpenList(style, attributes.get("xml:id", ""), f"{self.depth} {style}")
        continues = attributes.get("text:continue-numbering") == "true"
        previous = new.key if continues else attributes.get("text:continue-list", "")
        format = self.styles.numbered.get((style, self.depth + 1))
        new.count = self.last_counts.get(previous, format.start - 1 if format else 0)
        self.open.append(new)

    def begin_item(self, attributes: Attributes) -> None:
        if self.open:
            self.open[-1].count = number_of(attributes, "text:start-value", self.open[-1].count + 1) - 1
            self.is_new_item = True

    def end(self) -> None:
        if self.open:
            ended = self.open.pop()
            if len(self.last_counts) < MAX_STYLES:
                self.last_counts[ended.key] = self.last_counts[ended.id or ended.key] = ended.count
        self.is_new_item = False

    def pop_marker(self) -> str:
        """Return the marker of a new item once; items that hold only a nested list are not counted."""
        if not self.is_new_item or not self.open:
            return ""
        self.is_new_item = False
        current = self.open[-1]
        current.count += 1
        format = self.styles.numbered.get((current.style, self.depth))
        return format.marker(current.count) if format else "- "
