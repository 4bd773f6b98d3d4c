"""Markdown: the text as written, with its headings; rows of tables name their columns, embedded pictures are left out."""

import re
from collections.abc import Iterator
from pathlib import Path

from documents.extraction.blocks.tables import Cells, rows_as_lines
from documents.extraction.pages import Extraction, Heading
from documents.extraction.text.plain import MAX_TITLE_LENGTH, pages_of_text, read_text

ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
CLOSING_SIGNS = re.compile(r"(?:^|[ \t])#+$")
SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
NO_PARAGRAPH = re.compile(r"\s*$| {0,3}(?:[>#|]|[-*+] |\d{1,9}[.)] )| {4}|\t")
FRONT_MATTER = re.compile(
    r"---[ \t]*\n((?:(?!(?:---|\.\.\.)[ \t]*$).*\n)*)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE
)
FIELD = re.compile(r"^([\w-]+)[ \t]*:(?:[ \t]+(.*))?$", re.MULTILINE)
MAX_FRONT_MATTER_LENGTH = 20_000
# Fields of front matter, under the names that the metadata of other kinds of files have.
METADATA = {
    "author": "author",
    "authors": "author",
    "date": "creationdate",
    "published": "creationdate",
    "lang": "language",
}
# The row under a table's header (GitHub's extension); Org writes a plus between its columns.
DELIMITERS = re.compile(r"\|?[ \t]*+:?-++:?[ \t]*+(?:[|+][ \t]*+:?-++:?[ \t]*+)*+\|?$")
COLUMN_BREAK = re.compile(r"(?<!\\)\|")
LINE_BREAK = re.compile(r"[ \t]?<br ?/?>[ \t]?", re.IGNORECASE)
MAX_COLUMNS = 2_000
# A table may stand in a quotation or in an item of a list.
CONTAINER = re.compile(r"[ \t]*+(?:>[ \t]*+)*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++(?=\|))?")
# What MDX adds to Markdown: modules, and components around the text.
MODULE_LINE = re.compile(r"""^(?:import\s++(?:[^'"\n]*\sfrom\s++)?['"][^'"\n]*['"]|export\s.*);?[ \t]*$""")
COMPONENT = re.compile(r"</?[A-Z][\w.]*(?:\s[^<>\n]*)?/?>|\{/\*(?:(?!\{/\*|\*/\}).){0,500}\*/\}")


def load(path: Path) -> Extraction:
    """The text in pages; its title is the one in its front matter, or the first heading of the first level."""
    return extraction_of(with_named_rows(read_text(path)))


def load_mdx(path: Path) -> Extraction:
    """The same without the modules and components of MDX; what a component encloses stays."""
    return extraction_of(with_named_rows(without_components(read_text(path))))


def extraction_of(text: str) -> Extraction:
    fields = front_fields(text)
    extraction = pages_of_text(text, headings(text), fields.get("title", ""))
    extraction.metadata = {name: fields[field] for field, name in METADATA.items() if fields.get(field)}
    return extraction


def headings(text: str) -> list[Heading]:
    """The headings of a Markdown text, written with # or underlined, outside code and front matter."""
    found: list[Heading] = []
    before, before_at = "", 0  # the line above, for underlined headings
    for at, line, is_code in lines_of(text, front_matter(text)):
        if is_code:
            before = ""
        elif heading := ATX.match(line):
            title = line[heading.end() :].strip()[: 2 * MAX_TITLE_LENGTH]
            _add(found, at, len(heading[1]), CLOSING_SIGNS.sub("", title))
            before = ""
        elif before and (underline := SETEXT.match(line)):
            _add(found, before_at, 1 if underline[1][0] == "=" else 2, before)
            before = ""
        else:
            before, before_at = ("" if NO_PARAGRAPH.match(line) else line), at
    return found


def lines_of(text: str, at: int = 0) -> Iterator[tuple[int, str, bool]]:
    """Each line from the offset `at` on: where it begins, its text, whether it belongs to a fenced block of code."""
    fence = ""
    for line in text[at:].split("\n"):
        is_code = bool(fence)
        if fence:
            if (close := FENCE.match(line)) and close[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
        elif opening := FENCE.match(line):
            fence, is_code = opening[1], True
        yield at, line, is_code
        at += len(line) + 1


def with_named_rows(text: str) -> str:
    """The text with each table as the rows of every other kind of file are written: see `tables`."""
    written: list[str] = []
    rows: list[str] = []  # of the table under way: its header, then its body
    is_table, header_rows = False, 1
    for _at, line, is_code in lines_of(text):
        if is_table and not is_code and "|" in line:
            rows.append(line)
            continue
        if is_table:
            written += _table(rows, header_rows)
            rows, is_table = [], False
        if not is_code and written and _begins_table(written[-1], line):
            rows, is_table = _header_above(written), True
            header_rows = len(rows)
        else:
            written.append(line)
    return "\n".join([*written, *_table(rows, header_rows)])


def _header_above(written: list[str]) -> list[str]:
    """The lines that name the columns, taken away: mostly one, at most three of as many cells each."""
    header = [written.pop()]
    while len(header) < 3 and written and _continues_header(written[-1], header[0]):
        header.insert(0, written.pop())
    return header


def _continues_header(above: str, header: str) -> bool:
    return _bare(above).startswith("|") and len(_cells(above)) == len(_cells(header))


def _begins_table(header: str, line: str) -> bool:
    return (
        "|" in header
        and "-" in line
        and bool(DELIMITERS.match(_bare(line)))
        and len(_cells(header)) == len(_cells(line.replace("+", "|"))) <= MAX_COLUMNS
    )


def _table(rows: list[str], header_rows: int) -> list[str]:
    return list(rows_as_lines([_texts(row) for row in rows], header_rows))


def _texts(row: str) -> Cells:
    texts = (LINE_BREAK.sub(" ", cell).strip().replace("\\|", "|") for cell in _cells(row)[:MAX_COLUMNS])
    return {column: text for column, text in enumerate(texts) if text}


def _bare(row: str) -> str:
    return row[CONTAINER.match(row).end() :].rstrip()  # type: ignore[union-attr]  # it matches nothing too


def _cells(row: str) -> list[str]:
    bare = _bare(row).removeprefix("|")
    if bare.endswith("|") and not bare.endswith("\\|"):
        bare = bare[:-1]
    return COLUMN_BREAK.split(bare)


def without_components(text: str) -> str:
    body = front_matter(text)
    kept = [
        line if is_code else COMPONENT.sub("", line)
        for _at, line, is_code in lines_of(text, body)
        if is_code or not MODULE_LINE.match(line)
    ]
    return text[:body] + "\n".join(kept)


def front_matter(text: str) -> int:
    """Where the lines between --- and --- end with which a text may begin; 0 where it does not.

    They name things, or it is two rules with words between them.
    """
    block = FRONT_MATTER.match(text[:MAX_FRONT_MATTER_LENGTH])
    return block.end() if block and FIELD.search(block[1]) else 0


def front_fields(text: str) -> dict[str, str]:
    """The fields of the front matter that stand on one line, by their names in small letters; the first of each name."""
    fields: dict[str, str] = {}
    for field in FIELD.finditer(text, 0, front_matter(text)):
        value = (field[2] or "").strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1].strip()
        if value[:1] not in ("|", ">", "[", "{", "&", "*"):
            fields.setdefault(field[1].lower(), value[:MAX_TITLE_LENGTH])
    return fields


def _add(found: list[Heading], offset: int, level: int, title: str) -> None:
    plain = re.sub(
        r"!?\[([^\]]*)\]\([^)]*\)|[*_`]{1,3}", lambda match: match[1] or "", title[: 2 * MAX_TITLE_LENGTH]
    ).strip()
    if plain:
        found.append(Heading(offset, level, plain[:MAX_TITLE_LENGTH]))
