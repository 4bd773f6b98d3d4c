"""Parses stored text into blocks: headings, paragraphs, lists, tables, keys and values, contents, code.

Pure functions of the text and its headings, linear in its length; what they cannot name is a paragraph.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from documents.extraction.pages import Heading as Marked
from documents.extraction.registry import ODS, XLSX
from documents.extraction.text.markup_spans import FENCE, is_marked_up, markup_spans, without_markup
from documents.ingestion.sentences import sentences
from documents.structure import tables
from documents.structure.kinds import (
    Block,
    Code,
    Contents,
    Heading,
    Item,
    ItemList,
    KeyValue,
    KeyValues,
    Paragraph,
    Table,
)
from documents.structure.lines import (
    LEADER,
    RULE,
    Line,
    is_contents_entry,
    key_of,
    lines_of,
    looks_like_title,
    marker_of,
)

SHEETS = frozenset((XLSX, ODS, "text/csv"))
MAIL_KEYS = frozenset(
    (
        "from",
        "to",
        "cc",
        "bcc",
        "date",
        "sent",
        "subject",
        "von",
        "an",
        "datum",
        "betreff",
        "de",
        "à",
        "objet",
    )
)
CONTENTS_TITLE = re.compile(
    r"(?:table of )?contents|inhalt(?:sverzeichnis)?|sommaire|table des matières|índice", re.IGNORECASE
)
CAPTION = re.compile(r"(?:Tab(?:le|elle|\.)|Tableau|Tabla)\s+\d", re.IGNORECASE)
MAX_CAPTION = 160
MAX_HEADING_LINES = 3
MAX_SHEET_TITLES = 4
MAX_LONE_VALUE = 160  # characters of the value of a single line "Key: value"
MIN_FIGURES, MIN_FIGURE_ROWS = 2, 2
ANNOUNCES = re.compile(
    r"[:：]$|\b(?:following|as follows|folgende[nrs]?|suivant[es]*|siguientes?)\b[^.!?]*[.:]?$", re.IGNORECASE
)


def blocks(text: str, headings: Sequence[Marked] = (), media_type: str = "") -> list[Block]:
    """The blocks of the text in order. `headings` have offsets in it; `media_type` says whether it contains markup."""
    parser = _Parser(text, headings, media_type)
    parser.run()
    return parser.found


class _Parser:
    """One pass over the lines. Each method named after a block takes it from the line `at` on, or takes nothing."""

    def __init__(self, text: str, headings: Sequence[Marked], media_type: str) -> None:
        self.text, self.media_type = text, media_type
        self.lines = list(lines_of(text))
        self.headings = {heading.offset: heading for heading in headings}
        self.has_markup = is_marked_up(media_type)
        self.markup = markup_spans(text, media_type)
        self.markup_ends = [span.end for span in self.markup]
        self.found: list[Block] = []
        self.at = 0

    def run(self) -> None:
        while self.at < len(self.lines):
            if self._line().is_blank or self._is_rule():
                self.at += 1
            else:
                self._add(self._next_block())
        self._close_list()

    def _next_block(self) -> Block:
        return (
            self._code()
            or self._heading()
            or self._contents()
            or self._table()
            or self._title()
            or self._items()
            or self._figures()
            or self._key_values()
            or self._paragraph()
        )

    def _add(self, block: Block) -> None:
        last = self.found[-1] if self.found else None
        if (
            isinstance(block, ItemList)
            and isinstance(last, ItemList)
            and block.is_numbered == last.is_numbered
        ):
            # Blank lines between items do not end a list.
            self.found[-1] = replace(last, end=block.end, items=[*last.items, *block.items])
            return
        self._close_list()
        self.found.append(block)

    def _close_list(self) -> None:
        """A single number is no list: it may count a clause or belong to a date."""
        last = self.found[-1] if self.found else None
        if isinstance(last, ItemList) and last.is_numbered and len(last.items) == 1:
            self.found[-1] = self._prose(last.start, last.end)

    def _line(self, ahead: int = 0) -> Line:
        at = self.at + ahead
        return self.lines[at] if at < len(self.lines) else Line(len(self.text), len(self.text), "")

    def _take(self) -> Line:
        self.at += 1
        return self.lines[self.at - 1]

    def _is_rule(self) -> bool:
        return self.has_markup and RULE.match(self._line().text) is not None

    def _marked(self, line: Line) -> Marked | None:
        return self.headings.get(line.start) or self.headings.get(_begin(line))

    def plain(self, start: int, end: int) -> str:
        """The text of a range without markup, its white space collapsed."""
        if not self.markup:
            return " ".join(self.text[start:end].split())
        first = last = bisect_right(self.markup_ends, start)
        while last < len(self.markup) and self.markup[last].start < end:
            last += 1
        return " ".join(without_markup(self.text, self.markup[first:last], start, end).split())

    def _code(self) -> Block | None:
        if not self.has_markup or not (fence := FENCE.match(self._line().text)):
            return None
        first = last = self._take()
        while self.at < len(self.lines):
            last = self._take()
            closing = FENCE.match(last.text)
            if closing and closing[1].startswith(fence[1]) and not last.text.strip(" \t`~"):
                break
        return Code(first.start, last.end)

    def _heading(self) -> Block | None:
        marked = self._marked(self._line())
        if marked is None:
            return None
        first = last = self._take()
        wanted, length = len("".join(marked.title.split())), len("".join(first.text.split()))
        for _ in range(MAX_HEADING_LINES - 1):
            if length >= wanted or self._line().is_blank or self._marked(self._line()):
                break
            last = self._take()
            length += len("".join(last.text.split()))
        return Heading(_begin(first), last.end, marked.title, marked.level)

    def _contents(self) -> Block | None:
        first = self._line()
        if not is_contents_entry(first.text) and not (
            CONTENTS_TITLE.fullmatch(first.text.strip()) and is_contents_entry(self._line(1).text)
        ):
            return None
        last = self._take()
        while is_contents_entry(self._line().text) and not self._marked(self._line()):
            last = self._take()
        entries = [
            (line.text[: leader.start()].strip(), leader["page"])
            for line in self.lines[self.at - 1 :: -1]
            if line.start >= first.start and (leader := LEADER.search(line.text))
        ]
        return Contents(_begin(first), last.end, entries[::-1])

    def _table(self) -> Block | None:
        """Lines with bars; in a sheet, lines of one cell too. A single line with bars is a row only if it is labelled."""
        first = self.at
        while tables.is_row(self._line().text) or self._is_inner_row(first):
            self.at += 1
        if self.at == first:
            return None
        taken = self.lines[first : self.at]
        marked = next((number for number, line in enumerate(taken) if tables.is_delimiter(line.text)), 0)
        rows = [(line, tables.cells_of(line)) for line in taken if not tables.is_delimiter(line.text)]
        marked = min(marked, tables.MAX_HEADER_ROWS)
        header, above, body = tables.header_and_rows(rows, self.plain, marked) if rows else ([], [], [])
        is_lone = len(rows) == 1 and not header and not self._is_sheet
        if not body or is_lone or (self.media_type == "text/plain" and tables.look_like_code(taken)):
            self.at = first
            return None
        return Table(_begin(taken[0]), taken[-1].end, header, body, self._caption(), above)

    @property
    def _is_sheet(self) -> bool:
        return self.media_type in SHEETS

    def _is_inner_row(self, first: int) -> bool:
        """Whether a line without bars is a row of one cell: in a sheet, or between two rows."""
        line = self._line()
        if line.is_blank or self._marked(line):
            return False
        is_within = self.at > first or (self._is_sheet and tables.is_row(self._line(1).text))
        return is_within and (self._is_sheet or tables.is_row(self._line(1).text))

    def _caption(self) -> str:
        """The text of a short paragraph above the table that names it; in a sheet, the first of several."""
        above = reversed(self.found[-MAX_SHEET_TITLES if self._is_sheet else -1 :])
        found = [self.plain(block.start, block.end) for block in takewhile(_is_short, above)]
        caption = found[-1] if found else ""
        return caption if caption[-1:] not in (".", "!", "?") or CAPTION.match(caption) else ""

    def _title(self) -> Block | None:
        line, after = self._line(), self._line(1)
        if not looks_like_title(line.text, "" if self._marked(after) else after.text):
            return None
        self.at += 1
        return Heading(_begin(line), line.end, self.plain(line.start, line.end), is_guess=True)

    def _items(self) -> Block | None:
        marker = marker_of(self._line().text)
        if marker is None:
            return None
        is_numbered = marker["bullet"] is None
        items: list[Item] = []
        while (marker := marker_of(self._line().text)) and (marker["bullet"] is None) == is_numbered:
            if items and self._marked(self._line()):
                break
            items.append(self._item(marker))
        lead = self._lead(items[0].start)
        return ItemList(items[0].start, items[-1].end, items, is_numbered, lead)

    def _item(self, marker: re.Match[str]) -> Item:
        """One item with the lines that it is wrapped to."""
        first = last = self._take()
        while not self._line().is_blank and not self._begins_block(self._line()):
            last = self._take()
        words = first.start + marker.end()
        indent = len(marker.group()) - len(marker.group().lstrip())
        return Item(
            _begin(first), last.end, words, self.plain(words, last.end), marker["marker"], 1 + indent // 2
        )

    def _lead(self, start: int) -> tuple[int, int] | None:
        """The sentence that announces the items: it ends in a colon, or says so."""
        last = self.found[-1] if self.found else None
        if not isinstance(last, Paragraph):
            return None
        begin, end = last.sentences[-1]
        return (begin, end) if ANNOUNCES.search(self.text, max(begin, end - 300), end) else None

    def _figures(self) -> Block | None:
        """A table without separators, as in PDFs that were read before: rows that end in equally many figures."""
        first = self.at
        count = tables.figures_at_end(self._line().text)
        headed = count < MIN_FIGURES
        if headed:
            count = tables.figures_at_end(self._line(1).text)
        if count < MIN_FIGURES:
            return None
        self.at += headed
        while tables.figures_at_end(self._line().text) == count:
            self.at += 1
        taken = self.lines[first + headed : self.at]
        if len(taken) < MIN_FIGURE_ROWS:
            self.at = first
            return None
        rows = [(line, tables.split_figures(line, count)) for line in taken]
        header, above, body = tables.header_and_rows(rows, self.plain)
        if headed and not header:
            line = self.lines[first]
            names = tables.words_of(line)
            if len(names) != count + 1:
                self.at = first + 1
                return self._prose(_begin(line), line.end)
            header, above, body = tables.header_and_rows([(line, names), *rows], self.plain, marked_header=1)
        return Table(
            _begin(taken[0] if not above else self.lines[first]),
            taken[-1].end,
            header,
            body,
            self._caption(),
            above,
        )

    def _key_values(self) -> Block | None:
        """Lines of keys and values: two at least, or one that is no sentence."""
        first = self.at
        found: list[KeyValue] = []
        while not self._line().is_blank and (key := key_of(self._line().text)):
            line = last = self._take()
            while _goes_on(last.text, self._line().text):
                last = self._take()
            value = line.start + key.end()
            found.append(
                KeyValue(_begin(line), last.end, key["key"].strip(), self.plain(value, last.end), value)
            )
        is_mail = sum(line.key.lower() in MAIL_KEYS for line in found) >= 2
        if not found or (len(found) == 1 and not self._is_lone_pair(found[0])):
            self.at = first
            return None
        return KeyValues(found[0].start, found[-1].end, found, is_mail)

    def _is_lone_pair(self, pair: KeyValue) -> bool:
        """Whether a single pair is one: no sentence, and no title of a sheet."""
        if self._is_sheet:
            return False
        is_alone = self._line().is_blank or self._line().text[:1].isupper()
        return is_alone and len(pair.value) <= MAX_LONE_VALUE and pair.value[-1] not in ".!?"

    def _paragraph(self) -> Block:
        first = last = self._take()
        while not self._line().is_blank and not self._begins_block(self._line()):
            last = self._take()
        return self._prose(_begin(first), last.end)

    def _prose(self, start: int, end: int) -> Paragraph:
        found = [(start + begin, start + stop) for begin, stop in sentences(self.text[start:end])]
        return Paragraph(start, end, found or [(start, end)], self.text[start] == ">")

    def _begins_block(self, line: Line) -> bool:
        """Whether the line begins another block within a run of lines without blank ones."""
        after = self._line(1)
        return bool(
            self._marked(line)
            or self._is_rule()
            or marker_of(line.text)
            or (tables.is_row(line.text) and (tables.is_row(after.text) or self._is_sheet))
            or is_contents_entry(line.text)
            or (self.has_markup and FENCE.match(line.text))
            or (key_of(line.text) and key_of(after.text))
            or self._begins_figures(line, after)
        )

    def _begins_figures(self, line: Line, after: Line) -> bool:
        count = tables.figures_at_end(line.text)
        return count >= MIN_FIGURES and count == tables.figures_at_end(after.text)


def _goes_on(line: str, after: str) -> bool:
    """Whether a value goes on in the next line: that is indented, or the line ends in a comma."""
    if not after or after.isspace() or key_of(after):
        return False
    return after[0] in " \t" or line[-1] in ",;"


def _is_short(block: Block) -> bool:
    return isinstance(block, Paragraph) and block.end - block.start <= MAX_CAPTION


def _begin(line: Line) -> int:
    """Where the line's own words begin."""
    return line.start + len(line.text) - len(line.text.lstrip())
