"""The documents and collections that a person chose to ask, as far as they may read them, in rows and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from documents.models import Collection, Document
from qa.models import Question
from qa.models.scope import Scope
from ragsite.http.query import primary_keys

if TYPE_CHECKING:
    from ragsite.accounts.models import User

MAX_CHOSEN = 200  # documents and collections of one question
OFFERED = 30  # documents, and as many collections, that are listed to be ticked

Rows = tuple[dict[int, Document], dict[int, Collection]]


class Choice(NamedTuple):
    """What was chosen and may be read; `missing` counts the rest, which is deleted or no longer shared."""

    scope: Scope
    documents: list[Document]
    collections: list[Collection]

    @property
    def missing(self) -> int:
        return len(self.scope) - len(self.documents) - len(self.collections)

    @property
    def missing_documents(self) -> list[int]:
        return sorted(self.scope.documents.difference(row.pk for row in self.documents))

    @property
    def missing_collections(self) -> list[int]:
        return sorted(self.scope.collections.difference(row.pk for row in self.collections))

    @property
    def names(self) -> list[str]:
        return [str(row) for row in (*self.collections, *self.documents)]

    @property
    def only_document(self) -> Document | None:
        """The document, if nothing else was chosen."""
        return self.documents[0] if self.scope.only_document and self.documents else None

    @property
    def words(self) -> str:
        """For example "all documents", "Handbook", "3 documents, 1 collection"."""
        if self.scope.is_everything:
            return _("all documents")
        if len(self.names) == 1:
            return self.names[0]
        documents, collections = len(self.documents), len(self.collections)
        counted = [
            (documents, ngettext("%d document", "%d documents", documents)),
            (collections, ngettext("%d collection", "%d collections", collections)),
        ]
        return ", ".join(words % number for number, words in counted if number) or _("nothing")

    @property
    def missing_words(self) -> str:
        """A sentence about what dropped out; empty if nothing did."""
        if not self.missing:
            return ""
        sentence = ngettext(
            "%d chosen document or collection was left out: it was deleted, or is no longer shared with you.",
            "%d chosen documents or collections were left out: they were deleted, or are no longer shared with you.",
            self.missing,
        )
        return sentence % self.missing


class Offer(NamedTuple):
    """What can be ticked: rows that match the words of a search, and whether there are more."""

    collections: list[Collection]
    documents: list[Document]
    has_more: bool


def scope_in(data: QueryDict | Mapping[str, str]) -> Scope:
    """The scope that `document` and `collection` of a query string or form name."""
    keys = [primary_keys(_values(data, name)) for name in ("document", "collection")]
    return Scope(*map(frozenset, keys))


def names_a_scope(data: QueryDict | Mapping[str, str]) -> bool:
    """Whether a query string or form says what to ask: `choice` does so without naming anything."""
    return any(any(_values(data, name)) for name in ("choice", "document", "collection"))


def _values(data: QueryDict | Mapping[str, str], name: str) -> list[str]:
    return data.getlist(name) if isinstance(data, QueryDict) else [str(data[name])] if name in data else []


def choice_of(scope: Scope, user: User) -> Choice:
    """What of the scope the user may read now; no query for everything."""
    return _choice(scope, _rows([scope], user))


def mark_asked_of(questions: Iterable[Question], user: User) -> None:
    """Set `asked_of`, what of its scope the user may read, on each question, with two queries at most."""
    questions = list(questions)
    rows = _rows([question.scope for question in questions], user)
    for question in questions:
        question.asked_of = _choice(question.scope, rows)


def offer(user: User, words: str, chosen: Scope) -> Offer:
    """The first collections and the newest documents that match the words and are not chosen yet."""
    collections = Collection.objects.visible_to(user).exclude(pk__in=chosen.collections)
    documents = Document.objects.visible_to(user).askable().exclude(pk__in=chosen.documents)
    for word in words.split():
        collections = collections.filter(name__icontains=word)
        documents = documents.filter(title__icontains=word)
    found = list(collections[: OFFERED + 1])
    newest = list(documents.only("title")[: OFFERED + 1])
    has_more = max(len(found), len(newest)) > OFFERED
    return Offer(found[:OFFERED], newest[:OFFERED], has_more)


def _rows(scopes: Iterable[Scope], user: User) -> Rows:
    scopes = list(scopes)
    documents = frozenset().union(*(scope.documents for scope in scopes))
    collections = frozenset().union(*(scope.collections for scope in scopes))
    return (
        Document.objects.visible_to(user).only("title").in_bulk(documents) if documents else {},
        Collection.objects.visible_to(user).in_bulk(collections) if collections else {},
    )


def _choice(scope: Scope, rows: Rows) -> Choice:
    documents, collections = rows
    return Choice(
        scope,
        sorted((documents[pk] for pk in scope.documents & documents.keys()), key=str),
        sorted((collections[pk] for pk in scope.collections & collections.keys()), key=str),
    )
