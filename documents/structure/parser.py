"""Parses stored text into blocks: headings, paragraphs, lists, tables, keys and values, contents, code.

Pure functions of the text and its headings, in linear time; anything unrecognized is a paragraph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from documents.extraction.pages import Heading as Marked
from documents.extraction.text.markup_spans import FENCE
from documents.structure.cursor import Cursor, begin_of, begins_block
from documents.structure.kinds import Block, Code, Contents, Heading, ItemList
from documents.structure.lines import CONTENTS_TITLE, LEADER, is_contents_entry, looks_like_title
from documents.structure.list_blocks import items, key_values
from documents.structure.table_blocks import figures, table

MAX_HEADING_LINES = 3


def blocks(text: str, headings: Sequence[Marked] = (), media_type: str = "") -> list[Block]:
    """The blocks of the text in order. `headings` have offsets in it; `media_type` says whether it contains markup."""
    cursor = Cursor(text, headings, media_type)
    while not cursor.is_at_end:
        if cursor.line().is_blank or cursor.is_rule():
            cursor.at += 1
        else:
            _add(cursor, _next_block(cursor))
    _close_list(cursor)
    return cursor.found


def _next_block(cursor: Cursor) -> Block:
    """The block that begins at the cursor. Each parser consumes its block, or nothing."""
    return (
        _code(cursor)
        or _heading(cursor)
        or _contents(cursor)
        or table(cursor)
        or _title(cursor)
        or items(cursor)
        or figures(cursor)
        or key_values(cursor)
        or _paragraph(cursor)
    )


def _add(cursor: Cursor, block: Block) -> None:
    last = cursor.last
    if isinstance(block, ItemList) and isinstance(last, ItemList) and block.is_numbered == last.is_numbered:
        # Blank lines between items do not end a list.
        last.items.extend(block.items)
        cursor.found[-1] = replace(last, end=block.end)
        return
    _close_list(cursor)
    cursor.found.append(block)


def _close_list(cursor: Cursor) -> None:
    """A single number is not a list: it may number a clause or belong to a date."""
    last = cursor.last
    if isinstance(last, ItemList) and last.is_numbered and len(last.items) == 1:
        cursor.found[-1] = cursor.prose(last.start, last.end)


def _code(cursor: Cursor) -> Block | None:
    if not cursor.has_markup or not (fence := FENCE.match(cursor.line().text)):
        return None
    first = last = cursor.take()
    while cursor.at < len(cursor.lines):
        last = cursor.take()
        closing = FENCE.match(last.text)
        if closing and closing[1].startswith(fence[1]) and not last.text.strip(" \t`~"):
            break
    return Code(first.start, last.end)


def _heading(cursor: Cursor) -> Block | None:
    marked = cursor.marked(cursor.line())
    if marked is None:
        return None
    first = last = cursor.take()
    wanted, length = len("".join(marked.title.split())), len("".join(first.text.split()))
    for _ in range(MAX_HEADING_LINES - 1):
        if length >= wanted or cursor.line().is_blank or cursor.marked(cursor.line()):
            break
        last = cursor.take()
        length += len("".join(last.text.split()))
    return Heading(begin_of(first), last.end, marked.title, marked.level)


def _contents(cursor: Cursor) -> Block | None:
    begin, first = cursor.at, cursor.line()
    if not is_contents_entry(first.text) and not (
        CONTENTS_TITLE.fullmatch(first.text.strip()) and is_contents_entry(cursor.line(1).text)
    ):
        return None
    last = cursor.take()
    while is_contents_entry(cursor.line().text) and not cursor.marked(cursor.line()):
        last = cursor.take()
    entries = [
        (line.text[: leader.start()].strip(), leader["page"])
        for line in cursor.lines[begin : cursor.at]
        if (leader := LEADER.search(line.text))
    ]
    return Contents(begin_of(first), last.end, entries)


def _title(cursor: Cursor) -> Block | None:
    line, after = cursor.line(), cursor.line(1)
    if not looks_like_title(line.text, "" if cursor.marked(after) else after.text):
        return None
    cursor.at += 1
    return Heading(begin_of(line), line.end, cursor.plain(line.start, line.end), is_guess=True)


def _paragraph(cursor: Cursor) -> Block:
    first = last = cursor.take()
    while not cursor.line().is_blank and not begins_block(cursor, cursor.line()):
        last = cursor.take()
    return cursor.prose(begin_of(first), last.end)
