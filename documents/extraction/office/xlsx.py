"""Loader for Excel workbooks: each visible sheet as pages of rows with the displayed values."""

import re
from collections.abc import Iterator
from pathlib import Path

from documents.extraction.blocks.blocks import tidy
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.blocks.sheets import MAX_COLUMNS, SheetWriter
from documents.extraction.blocks.tables import Cells
from documents.extraction.errors import UnreadableFile
from documents.extraction.limits import MAX_CHARACTERS
from documents.extraction.office.ooxml import Package
from documents.extraction.office.xlsx_comments import comments_of
from documents.extraction.office.xlsx_formats import Formats, read_formats
from documents.extraction.pages import Extraction
from documents.extraction.web.xml import Attributes, Parser, XMLHandler

MAX_SHARED_STRINGS = 2_000_000
MAX_SHEETS = 1_000
MAX_FORMULA_LENGTH = 300
REFERENCE = re.compile(r"([A-Z]{1,3})\d")


def load(path: Path) -> Extraction:
    """Extract every visible sheet with its cell comments, including collapsed and filtered rows and columns."""
    with Package(path) as package:
        writer = PageWriter()
        sheets = SheetWriter(writer)  # starts its time limit
        book = WorkbookReader()
        package.parse_part(package.main, book)
        formats = read_formats(package, book.starts_1904)
        shared_strings = read_shared_strings(package)
        parts = package.relationships(package.main)
        hidden = [name for name, _id, is_hidden in book.sheets if is_hidden]
        for name, relationship, is_hidden in book.sheets[:MAX_SHEETS]:
            part = parts.get(relationship)
            if part and part.kind == "worksheet" and package.has(part.target) and not is_hidden:
                before = writer.characters
                sheets.write(rows_of(package, part.target, shared_strings, formats), name)
                if writer.characters > before:
                    writer.add(comments_of(package, part.target))
        properties: dict[str, object] = dict(package.properties())
        writer.is_partial |= package.is_damaged
        if package.is_damaged and not writer.characters:
            raise UnreadableFile("damaged")
    if hidden:
        properties["hidden_sheets"] = hidden[:100]
    return writer.extraction(str(properties.get("title", "")), properties)


class WorkbookReader(XMLHandler):
    """Collects the sheets in order: name, relationship id, whether hidden."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, bool]] = []
        self.starts_1904 = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "s:sheet":
            is_hidden = attributes.get("state", "visible") != "visible"
            self.sheets.append((attributes.get("name", ""), attributes.get("r:id", ""), is_hidden))
        elif name == "s:workbookPr":
            self.starts_1904 = attributes.get("date1904", "0") in ("1", "true")


def read_shared_strings(package: Package) -> list[str]:
    """The shared strings, which cells refer to by index."""
    reader = SharedStringsReader()
    package.parse_optional_part(package.related_part(package.main, "sharedStrings"), reader)
    return reader.found


class SharedStringsReader(XMLHandler):
    def __init__(self) -> None:
        self.found: list[str] = []
        self.pieces: list[str] = []
        self.is_text = self.is_phonetic = False
        self.characters = 0

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "s:t":
            self.is_text = not self.is_phonetic
        elif name == "s:rPh":  # phonetic guide
            self.is_phonetic = True
        elif name == "s:si":
            self.pieces = []

    def end(self, name: str) -> None:
        if name == "s:t":
            self.is_text = False
        elif name == "s:rPh":
            self.is_phonetic = False
        elif name == "s:si":
            text = one_line("".join(self.pieces))
            self.characters += len(text)
            if len(self.found) >= MAX_SHARED_STRINGS or self.characters > 2 * MAX_CHARACTERS:
                raise UnreadableFile("limit")
            self.found.append(text)

    def text(self, text: str) -> None:
        if self.is_text:
            self.pieces.append(text)


def rows_of(package: Package, part: str, shared_strings: list[str], formats: Formats) -> Iterator[Cells]:
    """Yield the rows while the part is parsed. A gap of any size becomes one blank row."""
    reader = SheetReader(shared_strings, formats)
    parser = Parser(reader)
    try:
        for piece in package.pieces(package.parts[part.lower()]):
            parser.feed(piece)
            yield from reader.pop_rows()
        parser.finish()
    except UnreadableFile as error:  # the rows before the damage and the other sheets remain readable
        package.tolerate_damage(error)
    yield from reader.pop_rows()


class SheetReader(XMLHandler):
    def __init__(self, shared_strings: list[str], formats: Formats) -> None:
        self.shared_strings = shared_strings
        self.formats = formats
        self.rows: list[Cells] = []
        self.row: Cells = {}
        self.number = self.column = 0
        self.kind = self.style = ""
        self.pieces: list[str] = []
        self.formula: list[str] = []
        self.is_value = self.is_formula = self.is_phonetic = False

    def pop_rows(self) -> list[Cells]:
        rows, self.rows = self.rows, []
        return rows

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "s:c":
            self._begin_cell(attributes)
        elif name in ("s:v", "s:t"):
            self.is_value = not self.is_phonetic
        elif name == "s:f":
            self.is_formula = True
        elif name == "s:rPh":
            self.is_phonetic = True
        elif name == "s:row":
            self._begin_row(attributes.get("r", ""))

    def end(self, name: str) -> None:
        if name in ("s:v", "s:t"):
            self.is_value = False
        elif name == "s:f":
            self.is_formula = False
        elif name == "s:rPh":
            self.is_phonetic = False
        elif name == "s:c":
            if text := self._display("".join(self.pieces)) if self.pieces else self._formula():
                self.row[self.column] = text
            self.column += 1
        elif name == "s:row":
            self.rows.append(self.row)
            self.row = {}

    def text(self, text: str) -> None:
        if self.is_value:
            self.pieces.append(text)
        elif self.is_formula:
            self.formula.append(text)

    def _formula(self) -> str:
        """The cell's formula, for files whose writer stored no computed value."""
        if not self.formula:
            return ""
        return (
            f"={one_line(''.join(self.formula))}"[:MAX_FORMULA_LENGTH] if self.column <= MAX_COLUMNS else "…"
        )

    def _begin_row(self, number: str) -> None:
        before, self.column = self.number, 0
        self.number = int(number) if number.isdecimal() and len(number) < 10 else before + 1
        if self.number > before + 1:
            self.rows.append({})

    def _begin_cell(self, attributes: Attributes) -> None:
        match = REFERENCE.match(attributes.get("r", ""))
        if match:
            self.column = column_number(match[1])
        self.kind, self.style = attributes.get("t", "n"), attributes.get("s", "")
        self.pieces, self.formula = [], []

    def _display(self, value: str) -> str:
        """The cell's text as Excel displays it."""
        if self.column > MAX_COLUMNS:
            return "…"  # the writer drops the column and reports it
        if self.kind == "s":
            index = int(value) if value.isdecimal() and len(value) < 10 else -1
            return self.shared_strings[index] if 0 <= index < len(self.shared_strings) else ""
        if self.kind == "b":
            return "TRUE" if value.strip() == "1" else "FALSE"
        if self.kind == "n":
            return self.formats.display(value.strip(), self.style)
        return one_line(value)


def column_number(letters: str) -> int:
    """The zero-based column: A is 0, Z is 25, AA is 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def one_line(text: str) -> str:
    return tidy(text).replace("\n", " ")
