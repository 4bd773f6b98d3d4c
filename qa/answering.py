"""A question becomes an answer, piece by piece: from the cache, written by a model, or quoted. Knows nothing of events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from psycopg_pool import PoolTimeout

from documents.models import Collection, Document, Index, Task
from documents.models.task import Kind
from qa import cache, citations, extractive
from qa.models import AnswerState, Citation, Conversation, Question
from qa.models.question import AnswerKind
from qa.prompts import Turn, answer_prompt, standalone_prompt
from qa.retrieval import Source, Vector, embed_question, find_sources
from qa.words import WORD, content_words
from ragsite import llm
from ragsite.llm.errors import ProviderError

if TYPE_CHECKING:
    from ragsite.accounts.models import User

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_ANSWER = 250_000  # characters: at most a megabyte, however long a model goes on
CHARACTERS_A_TOKEN = 8
STANDALONE_TOKENS = 120
STANDALONE_SECONDS = 10
WAIT_FOR_TWIN_SECONDS = 30
LOOK_AGAIN_SECONDS = 0.2
SAVE_AGAIN_SECONDS = [1, 2, 4, 8, *[15] * 120]  # half an hour
WAKE_SUMMARIES_SECONDS = 10
FEW_WORDS = 2
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
BACK_WORDS = "it its they them their theirs this that these those he him his she her hers there then one ones former latter same"
POINTS_BACK = frozenset(BACK_WORDS.split())

_woken_at = float("-inf")
_saw_model_away = False


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
    """An answer in the making."""

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
    started: float = field(default_factory=monotonic)

    def took(self, name: str, since: float) -> None:
        self.question.timings[name] = round((monotonic() - since) * 1000)

    def count(self, usage: llm.Usage) -> None:
        asked, said = usage.input_tokens, usage.output_tokens
        if asked is not None:
            self.question.input_tokens = (self.question.input_tokens or 0) + asked
        if said is not None:
            self.question.output_tokens = (self.question.output_tokens or 0) + said


async def answer(question_id: int, *, stop: asyncio.Event | None = None) -> AsyncGenerator[Piece]:
    """Answers a saved question and saves the answer; the last piece carries the question as saved. Setting `stop` ends
    it where it is. The database is left alone while the model talks."""
    stop = stop or asyncio.Event()
    draft = await in_thread(begin)(question_id)
    try:
        async for piece in _answer(draft, stop):
            yield piece
        if await _try_to_save(draft):
            yield Piece(question=draft.question, citations=draft.citations)
        else:
            try:
                yield Piece(question=_not_saved_yet(draft.question), citations=draft.citations)
                await _save_later(draft)
            except (
                GeneratorExit,
                asyncio.CancelledError,
            ):  # the process is told to end, and this is the last moment
                with suppress(*DATABASE_AWAY):
                    await in_thread(finish)(draft)
                raise
    finally:
        if draft.has_claim:
            await in_thread(cache.release)(draft.key)


def in_thread(function: Callable[P, R]) -> Callable[P, Any]:
    """For async code: runs a function that uses the database in a thread, and gives the connection back at once."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return sync_to_async(call, thread_sensitive=False)


async def _answer(draft: Draft, stop: asyncio.Event) -> AsyncGenerator[Piece]:
    if not draft.entry and not draft.has_claim and not draft.question.is_fresh:
        yield Piece(step=_("The same question is being answered already…"))
        await _wait_for_twin(draft, stop)
    if draft.entry:
        _take_from_cache(draft, draft.entry)
        yield Piece(text=draft.question.answer)
        return
    yield Piece(step=_("Looking through your documents…"))
    await _make_standalone(draft)
    await in_thread(look)(draft)
    if not draft.sources:
        _say_nothing_found(draft)
        return
    yield Piece(step=_reading(draft.sources))
    if draft.model:
        async for piece in _write(draft, stop):
            yield piece
    if not draft.question.answer and draft.question.state == AnswerState.RUNNING:
        await in_thread(quote)(draft)
        yield Piece(text=draft.question.answer)


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


def in_their_places(questions: Iterable[Question]) -> list[list[Question]]:
    """As a conversation reads: a question asked again stands where its elder stood, the newest of them last."""
    places: dict[int, list[Question]] = {}
    for question in sorted(questions, key=lambda question: question.pk):
        places.setdefault(question.parent_id or question.pk, []).append(question)
    return [places[place] for place in sorted(places)]


def turns_before(question: Question) -> list[Turn]:
    """The conversation before this question, of each question its newest answer."""
    place = question.parent_id or question.pk
    answered = Question.objects.filter(conversation=question.conversation_id, pk__lt=question.pk).exclude(
        answer=""
    )
    earlier = in_their_places(row for row in answered if (row.parent_id or row.pk) < place)
    return [Turn(rows[-1].text, rows[-1].answer) for rows in earlier]


async def _wait_for_twin(draft: Draft, stop: asyncio.Event) -> None:
    """Another process answers the same question: what it remembers serves here too. Given up after a while."""
    since = monotonic()
    while monotonic() - since < WAIT_FOR_TWIN_SECONDS and not stop.is_set():
        is_claimed = await asyncio.to_thread(cache.is_claimed, draft.key)
        draft.entry = await asyncio.to_thread(cache.recall, draft.key)
        if draft.entry:
            break
        if not is_claimed and (await asyncio.to_thread(cache.claim, draft.key)):
            draft.has_claim = True
            break
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    draft.took("waited", since)


def _take_from_cache(draft: Draft, entry: cache.Entry) -> None:
    question = draft.question
    for name in ("search_query", "answer", "kind", "model", "host", "finish_reason", "trace"):
        setattr(question, name, entry[name])
    question.state = AnswerState.COMPLETE
    question.cached_from = datetime.fromisoformat(entry["at"])
    draft.citations = [citations.unpack(values) for values in entry["citations"]]


async def _make_standalone(draft: Draft) -> None:
    """A follow-up is searched for as a question of its own: put so by the model, else joined with what was asked before."""
    question, since = draft.question, monotonic()
    question.search_query = question.text
    if not draft.history:
        return
    question.search_query = await _rewritten(draft) or joined(question.text, draft.history)
    draft.took("standalone", since)


async def _rewritten(draft: Draft) -> str:
    if not draft.model or await in_thread(llm.breaker)():
        return ""
    prompt = standalone_prompt(draft.question.text, draft.history, model=draft.model)
    completion = None
    try:
        async with (
            asyncio.timeout(STANDALONE_SECONDS),
            aclosing(llm.stream(prompt, max_tokens=STANDALONE_TOKENS)) as pieces,
        ):
            async for piece in pieces:
                completion = piece.completion or completion
    except (ProviderError, TimeoutError):
        return ""
    if completion is None:
        return ""
    draft.count(completion.usage)
    return " ".join(completion.text.split())[:1000] if completion.is_complete else ""


def joined(question: str, history: Sequence[Turn]) -> str:
    """The question with the one before it, where it leans on it: it points back, or is only a few words."""
    words = [word.lower() for word in WORD.findall(question)]
    leans = not POINTS_BACK.isdisjoint(words) or len(content_words(question)) < FEW_WORDS
    return f"{history[-1].question} {question}" if history and leans else question


def look(draft: Draft) -> None:
    """Finds the sources, and notes how."""
    question, since = draft.question, monotonic()
    draft.vector = embed_question(question.search_query, draft.index)
    draft.took("embed", since)
    since = monotonic()
    draft.sources = find_sources(
        question.search_query,
        user=draft.user,
        collections=draft.collections,
        document=draft.document,
        vector=draft.vector,
    )
    draft.took("search", since)
    question.trace = [source.as_trace() for source in draft.sources]


def _reading(sources: Sequence[Source]) -> str:
    titles = list(dict.fromkeys(source.document_title for source in sources))
    if len(titles) == 1:
        return _("Reading in %(title)s…") % {"title": titles[0]}
    more = len(titles) - 1
    return ngettext(
        "Reading in %(title)s and %(count)s more document…",
        "Reading in %(title)s and %(count)s more documents…",
        more,
    ) % {"title": titles[0], "count": more}


async def _write(draft: Draft, stop: asyncio.Event) -> AsyncGenerator[Piece]:
    """The model's answer. Where it fails before its first word the answer stays empty, and quotes take its place."""
    question, since = draft.question, monotonic()
    prompt = await asyncio.to_thread(
        answer_prompt, question.text, draft.sources, draft.history, model=draft.model
    )
    draft.sources = prompt.sources
    question.model, question.host = draft.model, llm.host_of_chat()
    completion, length, is_thinking = None, 0, False
    try:
        async with aclosing(_read(prompt.messages, stop)) as pieces:
            async for piece in pieces:
                completion = piece.completion or completion
                if piece.takes_back:
                    length = 0
                    draft.text.clear()
                    yield Piece(takes_back=True)
                if piece.thinking and not is_thinking and not length:
                    is_thinking = True
                    yield Piece(step=_("The model is thinking…"))
                if piece.text:
                    if not length:
                        draft.took("first_token", since)
                        yield Piece(step=_("Writing…"))
                    length += len(piece.text)
                    draft.text.append(piece.text)
                    yield Piece(text=piece.text)
                if length > longest_answer():
                    break
    except ProviderError as error:
        _end_after_fault(draft, error)
    else:
        _end(draft, completion, was_stopped=stop.is_set())
    draft.took("write", since)


def longest_answer() -> int:
    limit = settings.CHAT_MAX_OUTPUT_TOKENS
    return min(LONGEST_ANSWER, int(limit) * CHARACTERS_A_TOKEN) if limit else LONGEST_ANSWER


async def _read(messages: Sequence[llm.Message], stop: asyncio.Event) -> AsyncGenerator[llm.Piece]:
    """What the model says until it ends or is stopped. Read in a task of its own, so that stopping need not wait for a word."""
    pieces: asyncio.Queue[llm.Piece | None] = asyncio.Queue()

    async def read() -> None:
        async with aclosing(llm.stream(messages)) as stream:
            async for piece in stream:
                pieces.put_nowait(piece)

    async def watch() -> None:
        await stop.wait()
        reader.cancel()

    reader = asyncio.create_task(read())
    reader.add_done_callback(lambda _: pieces.put_nowait(None))
    watcher = asyncio.create_task(watch())
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        if not reader.cancelled():
            reader.result()
    finally:
        watcher.cancel()
        reader.cancel()
        with suppress(asyncio.CancelledError, ProviderError):
            await reader


def _end(draft: Draft, completion: llm.Completion | None, *, was_stopped: bool) -> None:
    """Complete only when the provider said `stop`. Anything else is shown as unfinished and never kept."""
    question = draft.question
    question.kind = AnswerKind.WRITTEN
    question.answer = completion.text if completion else "".join(draft.text).strip()
    if completion:
        question.finish_reason, question.model, question.host = (
            completion.finish_reason,
            completion.model,
            completion.host,
        )
        draft.count(completion.usage)
    if completion and completion.is_complete:
        question.state = AnswerState.COMPLETE
    elif was_stopped:
        question.state, question.notice = AnswerState.STOPPED, _("You stopped this answer.")
    else:
        question.state, question.notice = AnswerState.UNFINISHED, _why_unfinished(completion)


def _why_unfinished(completion: llm.Completion | None) -> str:
    if completion is None:
        return _("This answer grew too long and was ended here.")
    reasons = {
        "length": _("The model reached the longest answer it may give: this one breaks off here."),
        "content_filter": _("The provider's content filter ended this answer."),
    }
    return reasons.get(
        completion.finish_reason, _("The provider broke off without saying that the answer is complete.")
    )


def _end_after_fault(draft: Draft, error: ProviderError) -> None:
    global _saw_model_away
    _saw_model_away = _saw_model_away or error.kind in llm.OUTAGE_KINDS
    question = draft.question
    question.error_kind = error.kind
    text = "".join(draft.text).strip()
    logger.warning(
        "question %s: the provider failed, %s, after %s characters", question.pk, error.kind, len(text)
    )
    if text:
        question.kind, question.answer, question.state = AnswerKind.WRITTEN, text, AnswerState.UNFINISHED
        question.notice = _("%(reason)s What it had written is kept.") % {"reason": error.sentence}
    else:
        draft.is_fallback = True
        question.notice = _("%(reason)s These are quotes from your documents instead.") % {
            "reason": error.sentence
        }


def quote(draft: Draft) -> None:
    """The answer without a model."""
    question, since = draft.question, monotonic()
    question.model = question.host = ""
    extract = extractive.extract(question.search_query, draft.sources, draft.vector, draft.index)
    question.answer, question.state = extract.text, AnswerState.COMPLETE
    question.kind = AnswerKind.QUOTED if extract.is_found else AnswerKind.NOTHING
    draft.citations = citations.cite_quotes(extract.quotes, draft.sources)
    draft.took("quote", since)


def _say_nothing_found(draft: Draft) -> None:
    draft.question.answer = extractive.nothing_found(has_nearest=False)
    draft.question.kind, draft.question.state = AnswerKind.NOTHING, AnswerState.COMPLETE


async def _try_to_save(draft: Draft) -> bool:
    try:
        await in_thread(finish)(draft)
    except DATABASE_AWAY:
        logger.warning("question=%s could not be saved yet", draft.question.pk)
        return False
    return True


def _not_saved_yet(question: Question) -> Question:
    told = copy(question)
    told.notice = question.notice or _("This answer is not saved yet: the database is away for the moment.")
    return told


async def _save_later(draft: Draft) -> None:
    """Until the database is back."""
    for seconds in SAVE_AGAIN_SECONDS:
        await asyncio.sleep(seconds)
        with suppress(*DATABASE_AWAY):
            await in_thread(finish)(draft)
            return
    logger.error("question %s: its answer is lost, the database did not come back", draft.question.pk)


def finish(draft: Draft) -> None:
    """The answer and all its sources, in one transaction. A conversation deleted meanwhile stays deleted."""
    question = draft.question
    if question.kind == AnswerKind.WRITTEN and not question.cached_from and not draft.citations:
        draft.citations = citations.cite(question.answer, question.text, draft.sources)
    _add_up(draft)
    names = [
        "search_query", "answer", "state", "kind", "notice", "finish_reason", "error_kind", "model", "host", "index_id",
        "input_tokens", "output_tokens", "cost", "timings", "trace", "cached_from", "finished_at", "heartbeat_at",
    ]  # fmt: skip
    with transaction.atomic():
        if not Question.objects.filter(pk=question.pk).update(
            **{name: getattr(question, name) for name in names}
        ):
            return
        citations.save_citations(question, draft.citations)
        Conversation.objects.filter(pk=question.conversation_id).update(updated_at=question.finished_at)
    if is_worth_keeping(draft):
        cache.remember(draft.key, _entry(draft))
    if (
        question.kind == AnswerKind.WRITTEN
        and question.state == AnswerState.COMPLETE
        and not question.cached_from
    ):
        wake_summaries()
    logger.info(
        "question=%s state=%s kind=%s ms=%s",
        question.pk,
        question.state,
        question.kind,
        question.timings["total"],
    )


def wake_summaries() -> None:
    """The model writes: summaries that wait for it need not wait longer. Seldom, however much is asked; and those that
    have failed many times only where this process saw the model away before."""
    global _woken_at, _saw_model_away
    if monotonic() - _woken_at < WAKE_SUMMARIES_SECONDS:
        return
    with suppress(*DATABASE_AWAY):
        count = Task.objects.filter(kind=Kind.SUMMARISE).bring_forward(all=_saw_model_away)
        _woken_at, _saw_model_away = monotonic(), False
        if count:
            logger.info("brought_forward=%s", count)


def _add_up(draft: Draft) -> None:
    question = draft.question
    question.finished_at = question.heartbeat_at = timezone.now()
    draft.took("total", draft.started)
    if question.input_tokens is not None and not question.cached_from:
        question.cost = llm.price(
            question.model or draft.model, question.input_tokens, question.output_tokens or 0
        )


def is_worth_keeping(draft: Draft) -> bool:
    """Complete answers that the usual way gave, and that found something."""
    question = draft.question
    is_usual = not draft.is_fallback and not question.cached_from
    return is_usual and question.state == AnswerState.COMPLETE and question.kind != AnswerKind.NOTHING


def _entry(draft: Draft) -> cache.Entry:
    names = ("search_query", "answer", "kind", "model", "host", "finish_reason", "trace")
    entry: cache.Entry = {name: getattr(draft.question, name) for name in names}
    return {**entry, "citations": [citations.pack(row) for row in draft.citations]}


def ask(text: str, *, user: User | None = None, on_text: Callable[[str], None] | None = None) -> Question:
    """Asks and waits for the whole answer: for the shell and for commands. Without a user, as the first operator."""
    from ragsite.accounts.models import User

    asker = user or User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if asker is None:
        raise User.DoesNotExist(_("There is no operator yet: open the site to create the first account."))
    conversation = Conversation.objects.create(user=asker, title=text[:200])
    question = Question.objects.create(conversation=conversation, text=text)
    asyncio.run(_ask(question.pk, on_text))
    question.refresh_from_db()
    return question


async def _ask(question_id: int, on_text: Callable[[str], None] | None) -> None:
    try:
        async for piece in answer(question_id):
            if piece.text and on_text:
                on_text(piece.text)
    finally:
        await llm.aclose()
