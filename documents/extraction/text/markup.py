"""Loaders for reStructuredText, AsciiDoc and Org: the source text with its headings."""

import re
from collections.abc import Iterator
from pathlib import Path

from documents.extraction.pages import Extraction, Heading
from documents.extraction.text.grid_tables import label_asciidoc_tables, label_rst_tables
from documents.extraction.text.markdown import label_tables
from documents.extraction.text.plain import MAX_TITLE_LENGTH, pages_of_text, read_text

# A repeated punctuation character, at least as long as the title above it (docutils' specification).
UNDERLINE = re.compile(r"([!-/:-@\[-`{-~])\1+[ \t]*$")
MIN_UNDERLINE = 3
SECTION = re.compile(r"(={1,6})[ \t]+(\S.*)$")
BLOCK = re.compile(r"(?:-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,})[ \t]*$")  # code, literals, comments
OUTLINE = re.compile(r"(\*{1,8})[ \t]+(?:(?:TODO|DONE)[ \t]+)?(\S.*)$")


def load_rst(path: Path) -> Extraction:
    """Extract reStructuredText. Heading levels follow the order in which underline styles first appear."""
    text = label_rst_tables(read_text(path))
    return pages_of_text(text, list(_underlined(text)))


def load_asciidoc(path: Path) -> Extraction:
    """Extract AsciiDoc."""
    text = label_asciidoc_tables(read_text(path))
    return pages_of_text(text, list(_sections(text)))


def load_org(path: Path) -> Extraction:
    """Extract an Org file."""
    text = label_tables(read_text(path))
    return pages_of_text(text, list(_outline(text)))


def _underlined(text: str) -> Iterator[Heading]:
    # Underline character, and whether there is an overline, in order of first use.
    levels: dict[tuple[str, bool], int] = {}
    before: list[tuple[int, str]] = [(0, ""), (0, "")]
    for at, line in _lines(text):
        (_above_at, above), (title_at, title) = before
        if (mark := UNDERLINE.match(line)) and _is_title(title, line):
            style = (mark[1], above.rstrip() == line.rstrip())
            level = levels.setdefault(style, len(levels) + 1)
            yield Heading(title_at, min(level, 9), title.strip()[:MAX_TITLE_LENGTH])
        before = [before[1], (at, line)]


def _is_title(title: str, underline: str) -> bool:
    length = len(underline.rstrip())
    is_text = bool(title.strip()) and not UNDERLINE.match(title)
    return (
        is_text and length >= max(MIN_UNDERLINE, len(title.strip())) and title.strip()[:2] not in ("..", "- ")
    )


def _sections(text: str) -> Iterator[Heading]:
    block = ""
    for at, line in _lines(text):
        if block:
            block = "" if line.rstrip() == block else block
        elif BLOCK.match(line):
            block = line.rstrip()
        elif section := SECTION.match(line):
            yield Heading(at, len(section[1]), section[2].strip()[:MAX_TITLE_LENGTH])


def _outline(text: str) -> Iterator[Heading]:
    for at, line in _lines(text):
        if heading := OUTLINE.match(line):
            yield Heading(at, len(heading[1]), heading[2].strip()[:MAX_TITLE_LENGTH])


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1
