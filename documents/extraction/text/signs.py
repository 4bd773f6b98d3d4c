"""The signs of Markdown and its kin in a text that is kept as it was written: where they stand, and the words without them.

Nothing is rewritten: citations count characters of the text with its signs, and only what a person is shown goes without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import NamedTuple

MARKED_UP = frozenset(("text/markdown", "text/mdx", "text/x-rst", "text/asciidoc", "text/org"))
BULLET = "• "
CELL = " · "


class Sign(NamedTuple):
    """A stretch of the text that is not shown, and what stands there instead."""

    start: int
    end: int
    instead: str = ""


FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
# Lines of which nothing is shown: rules, underlines of headings, rows of hyphens in tables, definitions of links.
NO_WORDS = re.compile(
    r"[ \t]*(?:([-=~^*_+#\"'])(?:[ \t]*\1){2,}|=+|-+|\|?[ \t]*:?-+:?[ \t]*(?:[|+][ \t]*:?-+:?[ \t]*)+\|?|\[[^\]\n]{1,200}\]:[ \t]+\S.*"
    r"|:[\w-]+:.*|\.\.[ \t]+[\w-]+::.*|#\+\w+:?.*)[ \t]*$"
)
HEADING = re.compile(r"[ \t]{0,3}(?:#{1,6}|={1,6}|\*{2,8})(?:[ \t]+|$)")
HEADING_END = re.compile(r"[ \t]+#+[ \t]*$")
QUOTE = re.compile(r"[ \t]{0,3}(?:>[ \t]?)+(?:\[!\w+\][ \t]*)?")
ITEM = re.compile(r"[ \t]*([-*+][ \t]+(?:\[[ xX]\][ \t]+)?)(?=\S)")
ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$|.*\S \| \S")  # with edges as people write it, without as it is stored
CELL_BREAK = re.compile(r"[ \t]*(?<!\\)\|[ \t]*")
# Within a line. Each group but the comment is shown, what stands around it in the match is not.
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
    return media_type in MARKED_UP


def signs(text: str, media_type: str) -> list[Sign]:
    """The signs of a text in order, none inside another; none of a kind of file that has no such signs."""
    if not is_marked_up(media_type):
        return []
    found: list[Sign] = []
    end = 0
    for sign in sorted(_all(text)):
        if sign.start >= end:
            found.append(sign)
            end = max(end, sign.end)
    return found


def plain(text: str, found: Sequence[Sign], start: int = 0, end: int | None = None) -> str:
    """That stretch of the text as a person reads it."""
    end = len(text) if end is None else end
    words, at = [], start
    for sign in found:
        if sign.end <= start or sign.start >= end:
            continue
        words.append(text[at : max(at, sign.start)])
        if sign.start >= start:
            words.append(sign.instead)
        at = max(at, sign.end)
    return "".join([*words, text[at:end]]) if at < end else "".join(words)


def _all(text: str) -> Iterator[Sign]:
    at, fence = 0, ""
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if mark and (not fence or (mark[1].startswith(fence) and not line[mark.end() :].strip())):
            fence = "" if fence else mark[1]
            yield Sign(at, at + len(line))
        elif not fence:
            yield from _of_line(line, at)
        at += len(line) + 1


def _of_line(line: str, at: int) -> Iterator[Sign]:
    if line.strip() and NO_WORDS.match(line):
        yield Sign(at, at + len(line))
        return
    begin = 0
    if quote := QUOTE.match(line):
        begin = quote.end()
        yield Sign(at, at + begin)
    if heading := HEADING.match(line, begin):
        begin = heading.end()
        yield Sign(at + heading.start(), at + begin)
        if closing := HEADING_END.search(line, begin):
            yield Sign(at + closing.start(), at + len(line))
    elif item := ITEM.match(line, begin):
        begin = item.end()
        yield Sign(at + item.start(1), at + begin, BULLET)
    elif ROW.match(line, begin):
        yield from _of_row(line, begin, at)
    yield from _inline(line, begin, at)


def _of_row(line: str, begin: int, at: int) -> Iterator[Sign]:
    for cell in CELL_BREAK.finditer(line, begin):
        is_edge = cell.start() == begin or cell.end() == len(line)
        yield Sign(at + cell.start(), at + cell.end(), "" if is_edge else CELL)


def _inline(line: str, begin: int, at: int) -> Iterator[Sign]:
    rest = line
    for match in INLINE.finditer(line, begin):
        if name := next((name for name in ("code", "linked", "address", "escaped") if match[name]), None):
            yield Sign(at + match.start(), at + match.start(name))
            yield Sign(at + match.end(name), at + match.end())
        elif match["entity"]:
            yield Sign(at + match.start(), at + match.end(), unescape(match["entity"]).replace("\0", ""))
        else:
            yield Sign(at + match.start(), at + match.end(), "\n" if LINE_BREAK.match(match[0]) else "")
        for start, end in _verbatim(match):  # what looks like emphasis in there is none
            rest = rest[:start] + "x" * (end - start) + rest[end:]
    for pattern in (DOUBLE, EMPHASIS):
        for match in pattern.finditer(rest, begin):
            yield Sign(at + match.start(), at + match.start(2))
            yield Sign(at + match.end(2), at + match.end())


def _verbatim(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Of a link all but its words, of everything else all."""
    if match["linked"]:
        yield match.start(), match.start("linked")
        yield match.end("linked"), match.end()
    else:
        yield match.span()
