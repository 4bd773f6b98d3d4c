"""The models: one real call each, and whether a long prompt is read from its beginning."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

from django.conf import settings
from django.utils.translation import gettext as _

from documents.models import Index
from documents.models.index import IndexState
from ragsite import llm
from ragsite.llm import Message, ProviderError
from ragsite.operations.doctor.finding import Finding, fail, ok, tried, warn

ROOM_FOR_ANSWER = 500  # a model may think first
FILLER = "The ferry left the harbour at nine and came back in the evening with the mail and three crates of apples. "
QUESTION = "\n\nWhich code word stands at the very beginning of this message? Answer with that word alone."


def examine() -> Iterator[Finding]:
    live = _live_index()
    test = llm.test_provider(live.embedding_model if live else "")
    yield tried("embeddings", lambda: embedding_answers(test.embedding, live))
    if llm.chat_model() is None:
        yield ok("chat", _("No provider is configured: answers are quotes, and nothing leaves this machine."))
        return
    yield chat_answers(test.chat)
    if test.chat.ok:
        yield tried("long prompts", long_prompts_are_read)


def _live_index() -> Index | None:
    """Not Index.objects.live(), which makes a new site's first: looking must change nothing."""
    try:
        return Index.objects.filter(state=IndexState.LIVE).first()
    except Exception:  # the database is away or empty, which has been said
        return None


def embedding_answers(trial: llm.Trial, live: Index | None) -> Finding:
    if not trial.ok:
        return fail("embeddings", f"{trial.model}: {trial.sentence}", trial.remedy)
    if live and (trial.dimensions or 0) < live.dimensions:  # more of them can be shortened
        sentence = _("%(model)s gives vectors of %(width)s numbers; the live index has %(wanted)s.")
        values = {"model": trial.model, "width": trial.dimensions, "wanted": live.dimensions}
        return fail("embeddings", sentence % values, _("Run: python manage.py reindex"))
    if live and not _has_its_prefixes(live):
        sentence = _(
            "%(answers)s What it wants before questions and passages is not in the recipe of the live index."
        )
        remedy = _("A new index finds more: python manage.py reindex --model %(model)s")
        values = {"answers": _answers(trial), "model": live.embedding_model}
        return warn("embeddings", sentence % values, remedy % values)
    return ok("embeddings", _answers(trial))


def _has_its_prefixes(live: Index) -> bool:
    known = llm.embedding_model(live.embedding_model)
    return (live.query_prefix, live.passage_prefix) == (known.query_prefix, known.passage_prefix)


def chat_answers(trial: llm.Trial) -> Finding:
    if not trial.ok:
        return fail("chat", f"{trial.model}: {trial.sentence}", trial.remedy)
    return ok("chat", _answers(trial))


def _answers(trial: llm.Trial) -> str:
    where = trial.host or _("this machine")
    return _("%(model)s on %(host)s answers in %(ms)s ms.") % {
        "model": trial.model,
        "host": where,
        "ms": trial.ms,
    }


def long_prompts_are_read() -> Finding:
    """Some servers cut the beginning off a prompt that is longer than their window, and say nothing."""
    name, word = "long prompts", f"heron{uuid4().hex[:6]}"
    prompt, size = _long_prompt(word)
    try:
        completion = llm.complete([Message(role="user", content=prompt)], max_tokens=ROOM_FOR_ANSWER)
    except ProviderError as error:
        return fail(name, f"{error.sentence} ({size})", error.advice)
    if word in completion.text.lower():
        return ok(name, _("A prompt of %(size)s tokens is read from its beginning.") % {"size": size})
    remedy = _(
        "Give the server a larger window (with Ollama: OLLAMA_CONTEXT_LENGTH), or set a smaller CHAT_CONTEXT_TOKENS."
    )
    if not completion.is_complete:
        sentence = _(
            "Whether a prompt of %(size)s tokens is read whole is not known: its answer was cut off."
        )
        return warn(name, sentence % {"size": size}, _("Try again; a model that thinks may need longer."))
    sentence = _(
        "A word at the beginning of a prompt of %(size)s tokens did not come back: the server cuts prompts silently, or the model does not read so much."
    )
    return fail(name, sentence % {"size": size}, remedy)


def _long_prompt(word: str) -> tuple[str, int]:
    """As long as the longest that a question makes, and its tokens."""
    count = llm.tokenizer_for(llm.chat_model() or "").count
    beginning = f"The code word is {word}. "
    room = int((settings.CHAT_CONTEXT_TOKENS - ROOM_FOR_ANSWER) * 0.95) - count(beginning + QUESTION)
    prompt = beginning + FILLER * max(1, room // count(FILLER)) + QUESTION
    return prompt, count(prompt)
