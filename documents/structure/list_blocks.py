"""Parses lists, and lines of keys and values."""

from __future__ import annotations

import re

from documents.structure.cursor import Cursor, begin_of, begins_block
from documents.structure.kinds import Block, Item, ItemList, KeyValue, KeyValues, Paragraph
from documents.structure.lines import key_of, marker_of

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
MAX_LONE_VALUE = 160  # characters of the value of a single line "Key: value"
ANNOUNCES = re.compile(
    r"[:：]$|\b(?:following|as follows|folgende[nrs]?|suivant[es]*|siguientes?)\b[^.!?]*[.:]?$", re.IGNORECASE
)


def items(cursor: Cursor) -> Block | None:
    marker = marker_of(cursor.line().text)
    if marker is None:
        return None
    is_numbered = marker["bullet"] is None
    found: list[Item] = []
    while (marker := marker_of(cursor.line().text)) and (marker["bullet"] is None) == is_numbered:
        if found and cursor.marked(cursor.line()):
            break
        found.append(_item(cursor, marker))
    lead = _lead(cursor)
    return ItemList(found[0].start, found[-1].end, found, is_numbered, lead)


def _item(cursor: Cursor, marker: re.Match[str]) -> Item:
    """One item with its wrapped lines."""
    first = last = cursor.take()
    while not cursor.line().is_blank and not begins_block(cursor, cursor.line()):
        last = cursor.take()
    words = first.start + marker.end()
    indent = len(marker.group()) - len(marker.group().lstrip())
    return Item(
        begin_of(first), last.end, words, cursor.plain(words, last.end), marker["marker"], 1 + indent // 2
    )


def _lead(cursor: Cursor) -> tuple[int, int] | None:
    """The sentence that announces the items: it ends in a colon, or says so."""
    last = cursor.last
    if not isinstance(last, Paragraph):
        return None
    begin, end = last.sentences[-1]
    return (begin, end) if ANNOUNCES.search(cursor.text, max(begin, end - 300), end) else None


def key_values(cursor: Cursor) -> Block | None:
    """Lines of keys and values: at least two, or one that is not a sentence."""
    first = cursor.at
    found: list[KeyValue] = []
    while not cursor.line().is_blank and (key := key_of(cursor.line().text)):
        line = last = cursor.take()
        while _continues(last.text, cursor.line().text):
            last = cursor.take()
        value = line.start + key.end()
        found.append(
            KeyValue(begin_of(line), last.end, key["key"].strip(), cursor.plain(value, last.end), value)
        )
    is_mail = sum(line.key.lower() in MAIL_KEYS for line in found) >= 2
    if not found or (len(found) == 1 and not _is_lone_pair(cursor, found[0])):
        cursor.at = first
        return None
    return KeyValues(found[0].start, found[-1].end, found, is_mail)


def _is_lone_pair(cursor: Cursor, pair: KeyValue) -> bool:
    """Whether a single line is a pair rather than a sentence or the title of a sheet."""
    if cursor.is_sheet:
        return False
    is_alone = cursor.line().is_blank or cursor.line().text[:1].isupper()
    return is_alone and len(pair.value) <= MAX_LONE_VALUE and pair.value[-1] not in ".!?"


def _continues(line: str, after: str) -> bool:
    """Whether a value continues in the next line: that is indented, or the line ends in a comma."""
    if not after or after.isspace() or key_of(after):
        return False
    return after[0] in " \t" or line[-1] in ",;"
