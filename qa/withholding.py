"""Which answers may not be shown any more: one rule for pages, streams, and what a model is told of a conversation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from documents.models import Collection, Document
from qa.answering.prompts import Origin, Turn
from qa.models import Question
from qa.retrieval.retriever import Source

if TYPE_CHECKING:
    from ragsite.accounts.models import User


def mark_withheld(questions: Iterable[Question], user: User) -> None:
    """Sets `is_withheld` of each: whether a document that its answer draws on may not be read by the person now."""
    rows = list(questions)
    readable = readable_origins({origin for row in rows for origin in origins_of(row)}, user)
    for row in rows:
        row.is_withheld = not readable.issuperset(origins_of(row))


def readable_origins(origins: Iterable[Origin], user: User) -> set[Origin]:
    """Those that the person may read: the document, or its collection where the document is gone."""
    origins = set(origins)
    if not origins:
        return set()
    asked = Document.objects.filter(pk__in={document for document, _collection in origins})
    there = set(asked.values_list("pk", flat=True))
    readable = set(asked.visible_to(user).values_list("pk", flat=True))
    shelves = set(Collection.objects.visible_to(user).values_list("pk", flat=True))
    return {
        (document, collection)
        for document, collection in origins
        if document in readable or (document not in there and collection in shelves)
    }


def origins_of(question: Question) -> set[Origin]:
    return {(document, collection) for document, collection in question.draws_on}


def origins(sources: Iterable[Source], turns: Iterable[Turn] = ()) -> list[Origin]:
    """What an answer draws on that was made from these passages, by a model that was told these turns."""
    found = {(source.document_id, source.collection_id) for source in sources}
    return sorted(found.union(*(turn.draws_on for turn in turns)), key=str)
