"""What a spreadsheet has: its sheets, their columns and the number of their rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from documents.extraction.pages import Heading
from documents.models import Page, Version
from documents.structure.cursor import SHEETS
from documents.structure.kinds import Table
from documents.structure.parser import blocks

MAX_LENGTH = 1_000  # characters
MAX_COLUMNS = 8  # that are named
MAX_NAME = 40


@dataclass
class Sheet:
    """A sheet, from its pages: the title above its first table, and the columns of its widest one."""

    name: str
    title: str = ""
    columns: int = 0
    names: list[str] = field(default_factory=list)
    rows: int = 0

    def add(self, page: Page) -> None:
        """Add a page. Only the first one is parsed: later ones of a long sheet have a row in each line."""
        if self.rows:
            self.rows += sum(bool(line) and line != self.name for line in page.text.split("\n"))
            return
        headings = [Heading(*heading) for heading in page.headings]
        for table in blocks(page.text, headings, page.version.media_type):
            if isinstance(table, Table):
                self._add_table(table)

    def _add_table(self, table: Table) -> None:
        self.title = self.title or table.caption
        self.rows += len(table.rows)
        if table.width > self.columns:
            self.columns, self.names = table.width, [name for name in table.header if name]

    def __str__(self) -> str:
        columns = ngettext("%d column", "%d columns", self.columns) % self.columns
        rows = ngettext("%d row", "%d rows", self.rows) % self.rows
        size = f"{columns}, {rows}"
        if self.names:
            named = [name[:MAX_NAME] for name in self.names[:MAX_COLUMNS]]
            size += ": " + ", ".join([*named, "…"] if len(self.names) > MAX_COLUMNS else named)
        title = " – ".join(filter(None, (self.name, self.title[: 2 * MAX_NAME])))
        return f"{title} ({size})" if title else size[:1].upper() + size[1:]


def sheet_outline(version: Version) -> str:
    """Its sheets, columns and numbers of rows in one sentence; "" if it is no spreadsheet or has no table."""
    if version.media_type not in SHEETS:
        return ""
    sheets: list[Sheet] = []
    for page in version.pages.defer("runs", "word_places", "ocr_text").order_by("number").iterator(50):
        page.version = version
        name = "" if page.label == str(page.number) else page.label
        if not sheets or name != sheets[-1].name:
            sheets.append(Sheet(name))
        sheets[-1].add(page)
    return _sentence([sheet for sheet in sheets if sheet.rows])


def _sentence(sheets: list[Sheet]) -> str:
    if not sheets:
        return ""
    if len(sheets) == 1:
        return f"{sheets[0]}."[:MAX_LENGTH]
    count = ngettext("%d sheet", "%d sheets", len(sheets)) % len(sheets)
    text, named = f"{count}: {sheets[0]}", 1
    while named < len(sheets) and len(text) + len(more := f"; {sheets[named]}") < MAX_LENGTH - 40:
        text, named = text + more, named + 1
    left = len(sheets) - named
    return text + (_(" and %d more.") % left if left else ".")
