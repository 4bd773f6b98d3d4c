"""Search one document. PostgreSQL matches the pages and returns only snippets of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast, Greatest, StrIndex, Substr

from documents.extraction.blocks.tables import CELL_BREAK
from documents.extraction.text.markup_spans import CELL
from documents.models import Page, Version
from documents.models.page import PART_LENGTH, PageQuerySet
from documents.presentation.page_names import page_name

MAX_HITS = 50
MAX_PER_TEXT = 500  # matches that are marked
MAX_WORDS = 10
BEFORE, AFTER = 90, 160  # characters of context around a match
# A page longer than a part is searched in Python, so that each of its parts is listed; above this only the first match is.
MAX_CHARACTERS = 5_000_000


class Hit(NamedTuple):
    """A match: the page's number and name, the part of a long page, and a snippet."""

    number: int
    name: str
    part: int
    snippet: str


def find(version: Version, words: str) -> list[Hit]:
    """Return the first matches of the phrase, or else of pages with all of its words; one for each page or part."""
    if not words:
        return []
    pages = version.pages.order_by("number")
    found = _pages_with(pages.filter(text__iregex=_escaped(words)), words)
    if not found and len(words.split()) > 1:
        each = [Q(text__iregex=_escaped(word)) for word in words.split()[:MAX_WORDS]]
        found = _pages_with(pages.filter(*each), words.split()[0])
    return [hit for page in found for hit in _hits_on(page, words)][:MAX_HITS]


def places_in(text: str, words: str) -> list[tuple[int, int]]:
    """Return the ranges that match the phrase, or else those that match any of its words."""
    if not words:
        return []
    found = [match.span() for match in _matches(words, text)]
    if not found:
        each = "|".join(re.escape(word) for word in words.split())
        found = [match.span() for match in re.finditer(each, text, re.IGNORECASE)]
    return found[:MAX_PER_TEXT]


def _matches(words: str, text: str) -> Iterator[re.Match[str]]:
    return re.finditer(r"\s+".join(re.escape(word) for word in words.split()), text, re.IGNORECASE)


def _escaped(words: str) -> str:
    """Return the words as a PostgreSQL pattern that accepts any white space between them."""
    letters = (
        "".join(f"\\{c}" if not c.isalnum() and c.isascii() else c for c in word) for word in words.split()
    )
    return r"\s+".join(letters)


def _pages_with(pages: PageQuerySet, words: str) -> list[Page]:
    """Annotate each page with `place`, the start of its first match, and `snippet`, the text around it."""
    first = Func(
        F("text"),
        Value(_escaped(words)),
        Value("i"),
        function="regexp_match",
        template="(%(function)s(%(expressions)s))[1]",
        output_field=models.TextField(),
    )
    pages = pages.in_parts().defer("text", "runs", "headings")
    pages = pages.annotate(place=StrIndex("text", Cast(first, models.TextField())) - 1)
    snippet = Substr("text", Greatest(F("place") - BEFORE, 0) + 1, BEFORE + AFTER)
    return list(pages.annotate(snippet=snippet)[:MAX_HITS])


def _hits_on(page: Page, words: str) -> Iterator[Hit]:
    place, length = page.place, page.characters  # type: ignore[attr-defined]
    if not 2 * PART_LENGTH < length <= MAX_CHARACTERS:
        part = page.part_at(place).number if length > PART_LENGTH else 1
        yield _hit(page, part, page.snippet, place, length)  # type: ignore[attr-defined]
        return
    text = Page.objects.values_list("text", flat=True).get(pk=page.pk)
    listed: set[int] = set()
    for start, _end in places_in(text, words):
        if start // PART_LENGTH not in listed:
            listed.add(start // PART_LENGTH)
            around = text[max(0, start - BEFORE) : start + AFTER]
            yield _hit(page, page.part_at(start).number, around, start, length)


def _hit(page: Page, part: int, around: str, place: int, length: int) -> Hit:
    snippet = " ".join(around.split()).replace(CELL_BREAK, CELL)
    name = page_name(page.number, page.label, page.version.media_type)
    before, after = place > BEFORE, place + AFTER < length
    return Hit(page.number, name, part, ("… " if before else "") + snippet + (" …" if after else ""))
