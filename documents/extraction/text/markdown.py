"""Loader for Markdown and MDX: the source text with its headings, labelled table rows, no embedded images."""

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
# Front matter fields and the metadata names that all formats use.
METADATA = {
    "author": "author",
    "authors": "author",
    "date": "creationdate",
    "published": "creationdate",
    "lang": "language",
}
# The delimiter row of GitHub's table extension; Org uses a plus between columns.
DELIMITER_ROW = re.compile(r"\|?[ \t]*+:?-++:?[ \t]*+(?:[|+][ \t]*+:?-++:?[ \t]*+)*+\|?$")
COLUMN_BREAK = re.compile(r"(?<!\\)\|")
LINE_BREAK = re.compile(r"[ \t]?<br ?/?>[ \t]?", re.IGNORECASE)
MAX_COLUMNS = 2_000
# The prefix of a table inside a block quote or list item.
CONTAINER = re.compile(r"[ \t]*+(?:>[ \t]*+)*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++(?=\|))?")
# MDX syntax: module lines and components.
MODULE_LINE = re.compile(r"""^(?:import\s++(?:[^'"\n]*\sfrom\s++)?['"][^'"\n]*['"]|export\s.*);?[ \t]*$""")
COMPONENT = re.compile(r"</?[A-Z][\w.]*(?:\s[^<>\n]*)?/?>|\{/\*(?:(?!\{/\*|\*/\}).){0,500}\*/\}")


def load(path: Path) -> Extraction:
    """Extract Markdown. The title comes from the front matter, else from the first top-level heading."""
    return extraction_of(label_tables(read_text(path)))


def load_mdx(path: Path) -> Extraction:
    """Extract MDX without module lines and component tags; the text inside components stays."""
    return extraction_of(label_tables(without_components(read_text(path))))


def extraction_of(text: str) -> Extraction:
    """Build pages, headings and metadata from Markdown source."""
    fields = front_fields(text)
    extraction = pages_of_text(text, headings(text), fields.get("title", ""))
    extraction.metadata = {name: fields[field] for field, name in METADATA.items() if fields.get(field)}
    return extraction


def headings(text: str) -> list[Heading]:
    """The ATX and setext headings outside of code blocks and front matter."""
    found: list[Heading] = []
    before, before_at = "", 0  # the previous line, for setext headings
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
    """Yield each line from offset `at`: its offset, its text, and whether it is in a fenced code block."""
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


def label_tables(text: str) -> str:
    """Rewrite each table with labelled rows: see `blocks.tables`."""
    written: list[str] = []
    rows: list[str] = []  # of the open table: its header, then its body
    is_table, header_rows = False, 1
    for _at, line, is_code in lines_of(text):
        if is_table and not is_code and "|" in line:
            rows.append(line)
            continue
        if is_table:
            written += _table(rows, header_rows)
            rows, is_table = [], False
        if not is_code and written and _starts_table(written[-1], line):
            rows, is_table = _header_above(written), True
            header_rows = len(rows)
        else:
            written.append(line)
    return "\n".join([*written, *_table(rows, header_rows)])


def _header_above(written: list[str]) -> list[str]:
    """Pop the header lines from `written`: usually one, at most three with equal cell counts."""
    header = [written.pop()]
    while len(header) < 3 and written and _continues_header(written[-1], header[0]):
        header.insert(0, written.pop())
    return header


def _continues_header(above: str, header: str) -> bool:
    return _without_container(above).startswith("|") and len(_cells(above)) == len(_cells(header))


def _starts_table(header: str, line: str) -> bool:
    return (
        "|" in header
        and "-" in line
        and bool(DELIMITER_ROW.match(_without_container(line)))
        and len(_cells(header)) == len(_cells(line.replace("+", "|"))) <= MAX_COLUMNS
    )


def _table(rows: list[str], header_rows: int) -> list[str]:
    return list(rows_as_lines([_texts(row) for row in rows], header_rows))


def _texts(row: str) -> Cells:
    texts = (LINE_BREAK.sub(" ", cell).strip().replace("\\|", "|") for cell in _cells(row)[:MAX_COLUMNS])
    return {column: text for column, text in enumerate(texts) if text}


def _without_container(row: str) -> str:
    return row[CONTAINER.match(row).end() :].rstrip()  # type: ignore[union-attr]  # it also matches an empty prefix


def _cells(row: str) -> list[str]:
    bare = _without_container(row).removeprefix("|")
    if bare.endswith("|") and not bare.endswith("\\|"):
        bare = bare[:-1]
    return COLUMN_BREAK.split(bare)


def without_components(text: str) -> str:
    """Remove MDX module lines and component tags outside of code blocks."""
    body = front_matter(text)
    kept = [
        line if is_code else COMPONENT.sub("", line)
        for _at, line, is_code in lines_of(text, body)
        if is_code or not MODULE_LINE.match(line)
    ]
    return text[:body] + "\n".join(kept)


def front_matter(text: str) -> int:
    """The end offset of the front matter; 0 if there is none.

    A block without any field is text between two rules.
    """
    block = FRONT_MATTER.match(text[:MAX_FRONT_MATTER_LENGTH])
    return block.end() if block and FIELD.search(block[1]) else 0


def front_fields(text: str) -> dict[str, str]:
    """The single-line front matter fields by lowercase name; the first of each name wins."""
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
