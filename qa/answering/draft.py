"""An answer in the making: what is known of its question, and what has come of it so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from documents.models import Collection, Document, Index
from qa.answering import cache
from qa.answering.history import turns_before
from qa.answering.prompts import Turn
from qa.models import Citation, Question
from qa.models.origin import Origin
from qa.retrieval.retriever import Source, Vector
from ragsite import llm

if TYPE_CHECKING:
    from ragsite.accounts.models import User


@dataclass(frozen=True)
class Piece:
    """Something to show while an answer comes about: what is being done, more text, or (last) the answered question.
    `takes_back`: the text before it was no part of the answer."""

    step: str = ""
    text: str = ""
    takes_back: bool = False
    question: Question | None = None
    citations: Sequence[Citation] = ()


@dataclass
class Draft:
    """What one question gathers until its answer is saved."""

    question: Question
    user: User
    index: Index
    document: Document | None
    collections: list[Collection]
    history: list[Turn]
    key: str
    entry: cache.Entry | None = None
    has_claim: bool = False
    model: str = ""
    vector: Vector = ()
    sources: list[Source] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    is_fallback: bool = False
    fault: str = ""  # why the model wrote nothing, in a sentence
    started: float = field(default_factory=monotonic)

    def took(self, name: str, since: float) -> None:
        self.question.timings[name] = round((monotonic() - since) * 1000)

    def count(self, usage: llm.Usage) -> None:
        asked, said = usage.input_tokens, usage.output_tokens
        if asked is not None:
            self.question.input_tokens = (self.question.input_tokens or 0) + asked
        if said is not None:
            self.question.output_tokens = (self.question.output_tokens or 0) + said


def begin(question_id: int) -> Draft:
    """All that is known before anything is looked for."""
    question = Question.objects.select_related("conversation__user", "conversation__document").get(
        pk=question_id
    )
    conversation = question.conversation
    index = Index.objects.live()
    collections = list(conversation.collections.all())
    history = turns_before(question)
    key = cache.answer_key(
        question.text,
        history,
        user=conversation.user,
        index=index,
        collections=collections,
        document=conversation.document,
    )
    draft = Draft(question, conversation.user, index, conversation.document, collections, history, key)
    draft.question.index = index
    draft.model = llm.chat_model() or ""
    draft.entry = None if question.is_fresh else cache.recall(key)
    draft.has_claim = not draft.entry and cache.claim(key)
    return draft


def origins(sources: Iterable[Source], turns: Iterable[Turn] = ()) -> list[Origin]:
    """Return what an answer draws on that was made from these chunks, by a model that saw these turns."""
    found = {(source.document_id, source.collection_id) for source in sources}
    return sorted(found.union(*(turn.draws_on for turn in turns)), key=str)
