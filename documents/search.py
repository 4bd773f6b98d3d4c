"""Finding words in one document. PostgreSQL looks through the pages; only what is shown of them leaves it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast, Greatest, StrIndex, Substr

from documents.models import Page, Version
from documents.models.page import PageQuerySet
from documents.models.part import LENGTH

MAX_HITS = 50
MAX_PER_TEXT = 500  # that are marked in it
MAX_WORDS = 10
BEFORE, AFTER = 90, 160  # characters shown around a hit
# A page as long as a file is looked through here, so that each of its parts is listed; above that only the first.
MAX_CHARACTERS = 5_000_000


class Hit(NamedTuple):
    """A place where the words stand: the page's number and name, the part of a long page, what stands around."""

    number: int
    name: str
    part: int
    snippet: str


def find(version: Version, words: str) -> list[Hit]:
    """The first places where the words stand one after the other, else where pages have all of them; one a page or part."""
    if not words:
        return []
    pages = version.pages.order_by("number")
    found = _pages_with(pages.filter(text__iregex=_escaped(words)), words)
    if not found and len(words.split()) > 1:
        each = [Q(text__iregex=_escaped(word)) for word in words.split()[:MAX_WORDS]]
        found = _pages_with(pages.filter(*each), words.split()[0])
    return [hit for page in found for hit in _hits_on(page, words)][:MAX_HITS]


def places_in(text: str, words: str) -> list[tuple[int, int]]:
    """Where the words stand one after the other, else where each of them stands."""
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
    """The words as PostgreSQL's pattern, whatever the spaces and line ends between them."""
    letters = (
        "".join(f"\\{c}" if not c.isalnum() and c.isascii() else c for c in word) for word in words.split()
    )
    return r"\s+".join(letters)


def _pages_with(pages: PageQuerySet, words: str) -> list[Page]:
    """With `place`, where the words first stand, and `snippet`, what stands around."""
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
    if not 2 * LENGTH < length <= MAX_CHARACTERS:
        part = page.part_at(place).number if length > LENGTH else 1
        yield _hit(page, part, page.snippet, place, length)  # type: ignore[attr-defined]
        return
    text = Page.objects.values_list("text", flat=True).get(pk=page.pk)
    listed: set[int] = set()
    for start, _end in places_in(text, words):
        if start // LENGTH not in listed:
            listed.add(start // LENGTH)
            around = text[max(0, start - BEFORE) : start + AFTER]
            yield _hit(page, page.part_at(start).number, around, start, length)


def _hit(page: Page, part: int, around: str, place: int, length: int) -> Hit:
    snippet = " ".join(around.split())
    before, after = place > BEFORE, place + AFTER < length
    return Hit(page.number, page.name, part, ("… " if before else "") + snippet + (" …" if after else ""))
