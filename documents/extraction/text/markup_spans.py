"""Find the markup in stored Markdown, reStructuredText, AsciiDoc and Org source, to hide it from readers.

The stored text keeps its markup, because citations refer to its offsets; only displayed text omits it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import NamedTuple

MARKED_UP = frozenset(("text/markdown", "text/mdx", "text/x-rst", "text/asciidoc", "text/org"))
BULLET = "• "
CELL = " · "


class MarkupSpan(NamedTuple):
    """A span of the text that is hidden, and its replacement."""

    start: int
    end: int
    replacement: str = ""


FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
# Lines without content: rules, heading underlines, table delimiter rows, link definitions, directives.
HIDDEN_LINE = re.compile(
    r"[ \t]*(?:([-=~^*_+#\"'])(?:[ \t]*\1){2,}|=+|-+|\|?[ \t]*:?-+:?[ \t]*(?:[|+][ \t]*:?-+:?[ \t]*)+\|?|\[[^\]\n]{1,200}\]:[ \t]+\S.*"
    r"|:[\w-]+:.*|\.\.[ \t]+[\w-]+::.*|#\+\w+:?.*)[ \t]*$"
)
HEADING = re.compile(r"[ \t]{0,3}(?:#{1,6}|={1,6}|\*{2,8})(?:[ \t]+|$)")
HEADING_END = re.compile(r"[ \t]+#+[ \t]*$")
QUOTE = re.compile(r"[ \t]{0,3}(?:>[ \t]?)+(?:\[!\w+\][ \t]*)?")
ITEM = re.compile(r"[ \t]*([-*+][ \t]+(?:\[[ xX]\][ \t]+)?)(?=\S)")
ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$|.*\S \| \S")  # with outer bars in sources, without them in stored rows
CELL_BREAK = re.compile(r"[ \t]*(?<!\\)\|[ \t]*")
# Inline markup. Every group except `comment` is shown; the rest of the match is hidden.
INLINE = re.compile(
    "|".join(
        (
            r"(?P<ticks>`+)(?P<code>[^`\n]+)(?P=ticks)(?!`)",
            r"!?\[(?P<linked>[^\[\]\n]*)\](?:\((?:[^()\n]|\([^()\n]*\)){0,2000}\)|\[[^\[\]\n]{0,200}\])",
            r"<(?P<address>(?:https?://|mailto:)[^<>\s]{1,2000})>",
            r"(?P<comment><!--.{0,2000}?-->|</?[A-Za-z][^<>\n]{0,500}>)",
            r"(?P<entity>&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z]{2,31});)",
            r"\\(?P<escaped>[!-/:-@\[-`{-~])",
        )
    )
)
EMPHASIS = re.compile(r"(?<![\w*_\\])([*_])(?=[^\s*_])([^\n]{0,500}?[^\s\\*_])\1(?![\w*_])")
DOUBLE = re.compile(r"(?<!\\)(\*\*\*|___|\*\*|__|~~)(?=\S)([^\n]{1,1000}?)(?<=\S)\1")
LINE_BREAK = re.compile(r"<br\b", re.IGNORECASE)


def is_marked_up(media_type: str) -> bool:
    """Whether texts of this media type contain markup."""
    return media_type in MARKED_UP


def markup_spans(text: str, media_type: str) -> list[MarkupSpan]:
    """Return the markup spans in order and without overlaps; none for a media type without markup."""
    if not is_marked_up(media_type):
        return []
    found: list[MarkupSpan] = []
    end = 0
    for span in sorted(_all_spans(text)):
        if span.start >= end:
            found.append(span)
            end = max(end, span.end)
    return found


def without_markup(text: str, found: Sequence[MarkupSpan], start: int = 0, end: int | None = None) -> str:
    """Return the text between two offsets with its markup spans replaced."""
    end = len(text) if end is None else end
    pieces, at = [], start
    for span in found:
        if span.end <= start or span.start >= end:
            continue
        pieces.append(text[at : max(at, span.start)])
        if span.start >= start:
            pieces.append(span.replacement)
        at = max(at, span.end)
    return "".join([*pieces, text[at:end]]) if at < end else "".join(pieces)


def _all_spans(text: str) -> Iterator[MarkupSpan]:
    at, fence = 0, ""
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if mark and (not fence or (mark[1].startswith(fence) and not line[mark.end() :].strip())):
            fence = "" if fence else mark[1]
            yield MarkupSpan(at, at + len(line))
        elif not fence:
            yield from _line_spans(line, at)
        at += len(line) + 1


def _line_spans(line: str, at: int) -> Iterator[MarkupSpan]:
    if line.strip() and HIDDEN_LINE.match(line):
        yield MarkupSpan(at, at + len(line))
        return
    begin = 0
    if quote := QUOTE.match(line):
        begin = quote.end()
        yield MarkupSpan(at, at + begin)
    if heading := HEADING.match(line, begin):
        begin = heading.end()
        yield MarkupSpan(at + heading.start(), at + begin)
        if closing := HEADING_END.search(line, begin):
            yield MarkupSpan(at + closing.start(), at + len(line))
    elif item := ITEM.match(line, begin):
        begin = item.end()
        yield MarkupSpan(at + item.start(1), at + begin, BULLET)
    elif ROW.match(line, begin):
        yield from _row_spans(line, begin, at)
    yield from _inline_spans(line, begin, at)


def _row_spans(line: str, begin: int, at: int) -> Iterator[MarkupSpan]:
    for cell in CELL_BREAK.finditer(line, begin):
        is_edge = cell.start() == begin or cell.end() == len(line)
        yield MarkupSpan(at + cell.start(), at + cell.end(), "" if is_edge else CELL)


def _inline_spans(line: str, begin: int, at: int) -> Iterator[MarkupSpan]:
    rest = line
    for match in INLINE.finditer(line, begin):
        if name := next((name for name in ("code", "linked", "address", "escaped") if match[name]), None):
            yield MarkupSpan(at + match.start(), at + match.start(name))
            yield MarkupSpan(at + match.end(name), at + match.end())
        elif match["entity"]:
            yield MarkupSpan(
                at + match.start(), at + match.end(), unescape(match["entity"]).replace("\0", "")
            )
        else:
            yield MarkupSpan(at + match.start(), at + match.end(), "\n" if LINE_BREAK.match(match[0]) else "")
        for start, end in _verbatim(match):  # verbatim text contains no emphasis
            rest = rest[:start] + "x" * (end - start) + rest[end:]
    for pattern in (DOUBLE, EMPHASIS):
        for match in pattern.finditer(rest, begin):
            yield MarkupSpan(at + match.start(), at + match.start(2))
            yield MarkupSpan(at + match.end(2), at + match.end())


def _verbatim(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of a match that are not parsed for emphasis: all but the text of a link."""
    if match["linked"]:
        yield match.start(), match.start("linked")
        yield match.end("linked"), match.end()
    else:
        yield match.span()
