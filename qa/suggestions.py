"""Suggested questions for the ask page, from the headings of the newest document."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _

from documents.models import Document, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragsite.accounts.models import User

COUNT = 3
MAX_PAGES = 30
MAX_LENGTH = 60
GENERIC_HEADING = re.compile(
    r"^(table of )?(contents?|index|introduction|preface|foreword|summary|abstract|references|bibliography|notes?|page|appendix|"
    r"acknowledge?ments?|chapter|figures?|tables?)\b",
    re.I,
)


class Suggestion(NamedTuple):
    text: str
    document: Document


def suggestions(user: User, document: Document | None = None) -> list[Suggestion]:
    """Return suggested questions about the given document, or else about the newest searchable one."""
    found = Document.objects.visible_to(user).askable()
    newest = found.filter(pk=document.pk).first() if document else found.first()
    return [Suggestion(text, newest) for text in islice(_questions(newest), COUNT)] if newest else []


def _questions(document: Document) -> Iterator[str]:
    title = document.title
    for heading in _headings(document)[: COUNT - 1]:
        yield _("What does “%(title)s” say about %(heading)s?") % {"title": title, "heading": heading}
    yield _("What is “%(title)s” about?") % {"title": title}
    yield _("Which dates and amounts does “%(title)s” mention?") % {"title": title}
    yield _("What are the most important points in “%(title)s”?") % {"title": title}


def _headings(document: Document) -> list[str]:
    """Return the headings that make a question: short, with letters, not generic and not the document's title."""
    pages = (
        Page.objects.filter(version=document.serving_id).order_by("number").values_list("headings", flat=True)
    )
    titles = [" ".join(str(heading[2]).split()) for headings in pages[:MAX_PAGES] for heading in headings]
    plain = [re.sub(r"^[\d.\s]+", "", title).strip(" .:") for title in titles]
    good = [
        title
        for title in plain
        if 3 < len(title) <= MAX_LENGTH
        and re.search(r"[^\W\d_]{3}", title)
        and not GENERIC_HEADING.match(title)
    ]
    others = [title for title in dict.fromkeys(good) if title.casefold() != document.title.casefold()]
    return [title[0].lower() + title[1:] if title[1:].islower() else title for title in others]
