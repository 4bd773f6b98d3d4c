"""The draft of an answer: its question, its sources and what is written so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _

from documents.models import Collection, Document, Index
from qa.answering import cache
from qa.answering.history import turns_before
from qa.answering.parts import Part, plain_text, to_json
from qa.answering.prompts import Prompt, Turn
from qa.models import AnswerState, Citation, Instructions, Question
from qa.models.origin import Origin
from qa.models.scope import Scope
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.search_sql import Vector
from ragsite import llm
from ragsite.redis import name_of

if TYPE_CHECKING:
    from ragsite.accounts.models import User


@dataclass(frozen=True)
class Piece:
    """One update while a question is answered: the current step, more text, or finally the answered question.

    `takes_back` means that the text so far is not part of the answer.
    """

    step: str = ""
    text: str = ""
    takes_back: bool = False
    question: Question | None = None
    citations: Sequence[Citation] = ()


class Focus(NamedTuple):
    """The document in which the question says to look, and what to look for there."""

    document: Document
    query: str


@dataclass
class Draft:
    """The state of one answer until it is saved."""

    question: Question
    user: User
    index: Index
    scope: Scope
    history: list[Turn]
    key: str
    entry: cache.Entry | None = None
    has_lock: bool = False
    model: str = ""
    context: str = ""  # the question before, if only both together can be understood
    instructions: list[Instructions] = field(default_factory=list)  # of the collections that are searched
    keyed: list[Collection] = field(default_factory=list)  # the collections in the key
    prompt: Prompt | None = None  # made before the model is asked
    focus: Focus | None = None
    vector: Vector = ()
    sources: list[RetrievedChunk] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    is_fallback: bool = False
    was_saved: bool = False  # at least tried: the commit may not have been confirmed
    failure: str = ""  # why the model wrote nothing, as a sentence
    started: float = field(default_factory=monotonic)

    @property
    def is_own(self) -> bool:
        """Whether this answer is to be written here: it is not cached, and no equal question is being answered."""
        return not self.entry and (self.has_lock or self.question.is_fresh)

    def record_time(self, name: str, since: float) -> None:
        """Record the milliseconds of a stage that began at `since`."""
        self.question.timings[name] = round((monotonic() - since) * 1000)

    def complete_with(self, answer: Sequence[Part], way: str) -> None:
        """Complete the answer without a model: its parts, their plain text, and the way it was found."""
        question = self.question
        question.parts, question.answer, question.way = to_json(answer), plain_text(answer), way
        question.state = AnswerState.COMPLETE

    def add_usage(self, usage: llm.Usage) -> None:
        """Add the tokens of a call to the question's."""
        if usage.input_tokens is not None:
            self.question.input_tokens = (self.question.input_tokens or 0) + usage.input_tokens
        if usage.output_tokens is not None:
            self.question.output_tokens = (self.question.output_tokens or 0) + usage.output_tokens


def load_draft(question_id: int) -> Draft:
    """Load the question with its history, and the cached answer or the lock to write one."""
    question = Question.objects.select_related("conversation__user").get(pk=question_id)
    user, index = question.conversation.user, Index.objects.live()
    history = turns_before(question)
    model = llm.chat_model() or ""
    collections, documents = searched(user, question.scope)
    versions = Instructions.objects.filter(collection__in=[collection.pk for collection in collections])
    instructions = list(versions.current()) if model and collections else []
    key = cache.answer_key(
        question.text,
        history,
        index=index,
        collections=collections,
        documents=documents,
        instructions=instructions,
    )
    draft = Draft(question, user, index, question.scope, history, key)
    draft.question.index = index
    if not (collections or question.scope.is_everything):
        question.notice = _(
            "None of what you chose can be searched now. Choose other documents and ask again."
        )
    draft.model, draft.instructions, draft.keyed = model, instructions, collections
    draft.entry = None if question.is_fresh else cache.load(key, user)
    draft.has_lock = not draft.entry and cache.lock(key, name_of(question))
    return draft


def searched(user: User, scope: Scope) -> tuple[list[Collection], list[int]]:
    """Return the collections in which a question searches, and the documents that it searches in some of them alone.

    Collections without a document that can be searched are left out: they change no answer.
    """
    searchable = Document.objects.askable().values("collection")
    readable = Collection.objects.visible_to(user).filter(pk__in=searchable).only("pk", "stamp")
    if scope.is_everything:
        return list(readable), []
    documents: dict[int, int] = {}
    if scope.documents:
        chosen = Document.objects.visible_to(user).askable().filter(pk__in=scope.documents)
        rows = chosen.exclude(collection__in=scope.collections)
        documents = dict(rows.values_list("pk", "collection"))
    return list(readable.filter(pk__in=scope.collections.union(documents.values()))), list(documents)


def origins(sources: Iterable[RetrievedChunk], turns: Iterable[Turn] = ()) -> list[Origin]:
    """Return the origins of an answer made from these chunks, by a model that read these turns."""
    found = {(source.document_id, source.collection_id) for source in sources}
    return sorted(found.union(*(turn.draws_on for turn in turns)), key=str)
