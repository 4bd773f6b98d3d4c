"""Questions that the product answers well, to suggest: about a document, and about its sections that have text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from django.utils.translation import gettext as _

from documents.structure.outline import Outline
from qa.retrieval.chunk import RetrievedChunk

MAX_LENGTH = 60
MIN_STATEMENTS = 1
MAX_SHARE = 0.7  # of the text, above which a heading is the title of the document
GENERIC_HEADING = re.compile(
    r"^(?:(?:table of )?contents?|index|introduction|preface|foreword|summary|abstract|references|bibliography|notes?|page|appendix|"
    r"acknowledge?ments?|thanks|welcome|chapter|figures?|tables?|sheet|slide)\b",
    re.IGNORECASE,
)


def about_document(title: str) -> str:
    return _("What is “%(title)s” about?") % {"title": title}


def about_sections(title: str, headings: Iterable[str]) -> list[str]:
    """Return a question for each heading that makes one: short, in words, and not the title itself."""
    plain = (re.sub(r"^[\d.\s]+", "", " ".join(heading.split())).strip(" .:") for heading in headings)
    good = [heading for heading in dict.fromkeys(plain) if _is_topic(heading, title)]
    return [
        _("What does “%(title)s” say about “%(heading)s”?") % {"title": title, "heading": heading}
        for heading in good
    ]


def headings_with_text(outline: Outline) -> list[str]:
    """Return the headings under which at least MIN_STATEMENTS sentences or items stand, but most of the text does not."""
    return [
        section.title
        for section in outline.sections
        if section.end - section.start < MAX_SHARE * len(outline.text)
        and len(outline.statements_in(section.body, section.end)) >= MIN_STATEMENTS
    ]


def after_quotes(sources: Collection[RetrievedChunk], quoted: Collection[int]) -> list[str]:
    """Return questions about other sections that were found in the document that was quoted first."""
    first = next((source for source in sources if source.number in quoted), None)
    if first is None:
        return []
    seen = {heading for source in sources if source.number in quoted for heading in source.heading_path}
    others = [
        source.heading_path[-1]
        for source in sources
        if source.document_id == first.document_id and source.heading_path
    ]
    return about_sections(first.document_title, [heading for heading in others if heading not in seen])


def _is_topic(heading: str, title: str) -> bool:
    return (
        3 < len(heading) <= MAX_LENGTH
        and re.search(r"[^\W\d_]{3}", heading) is not None
        and not heading.endswith("?")
        and not GENERIC_HEADING.match(heading)
        and heading.casefold() != title.casefold()
    )
