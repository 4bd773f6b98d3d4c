"""Texts become vectors: each text once, what was paid for from the cache, the rest in batches."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from ragsite.llm import cache, circuit_breaker
from ragsite.llm.backends import local
from ragsite.llm.backends.openai.vectors import wrong_width
from ragsite.llm.embeddings.cuts import MIN_TOKENS, Cuts
from ragsite.llm.embeddings.models import EmbeddingModel, embedding_model, native_dimensions
from ragsite.llm.errors import NotConfigured, ProviderError, ProviderUnavailable, TooLarge
from ragsite.llm.provider import Provider, embedding_provider
from ragsite.llm.quirks import Quirks, quirks_of
from ragsite.llm.tokens import tokenizer_for
from ragsite.llm.usage import Call

if TYPE_CHECKING:
    from ragsite.llm.tokens import Tokenizer

LOCAL_BATCH_TEXTS = 32
# After a fault, how long answers that are on their way are waited for: they are paid for already.
GRACE_SECONDS = 10
HURRIED_GRACE_SECONDS = 3
# What a request may take beyond the time to its first byte, for connecting and for each of its texts.
OVERHEAD_SECONDS = 5
SECONDS_A_TEXT = 0.25

Keep = Callable[[Sequence[str], np.ndarray], None]
Counted = list[tuple[str, int]]  # texts with their tokens
Answer = tuple[np.ndarray, Call]


def embed_documents(
    texts: Sequence[str],
    *,
    model: str,
    dimensions: int | None = None,
    prefix: str = "",
    as_query: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """float32 (len(texts), width) in the order of texts, as the model gives them.

    `prefix` is what the model wants before each; `as_query` where they are questions. A text that is longer than it reads has the mean of its parts'
    vectors. Each batch is kept for a day as soon as it is there, so that a second run pays only for the rest.
    `on_progress` is told in this thread how many texts are done. Raises ProviderError.
    """
    known = embedding_model(model)
    width = dimensions or known.dimensions
    if not all(text.strip() for text in texts):
        raise ValueError("A text without words has no vector.")
    if not texts:
        return np.empty((0, width or 0), np.float32)
    texts = [prefix + text for text in texts]
    vectors = cache.vectors_for(dict.fromkeys(texts), model=model, dimensions=width, as_query=as_query)

    def keep(some: Sequence[str], matrix: np.ndarray) -> None:
        fresh = dict(zip(some, matrix, strict=True))
        vectors.update(fresh)
        cache.keep_vectors(fresh, model=model, dimensions=width, as_query=as_query)

    def tell() -> None:
        if on_progress:
            on_progress(sum(text in vectors for text in texts))

    missing = [text for text in dict.fromkeys(texts) if text not in vectors]
    if len(missing) < len(texts):
        tell()
    if missing:
        _embed(missing, known, width, keep, tell, prefix=prefix, as_query=as_query)
    if len(widths := {vector.size for vector in vectors.values()}) > 1:
        raise wrong_width(widths, None)
    return np.stack([vectors[text] for text in texts])


def embed_query(text: str, *, model: str, dimensions: int | None = None, prefix: str = "") -> np.ndarray:
    """The vector of a question, from the cache where it was asked before. What the model cannot read is cut off."""
    known, tokenizer = embedding_model(model), tokenizer_for(model)
    most = known.max_tokens and max(known.max_tokens - tokenizer.count(prefix), 1)
    shortened = _shortened(text.strip(), tokenizer, most)
    return embed_documents([shortened], model=model, dimensions=dimensions, prefix=prefix, as_query=True)[0]


def probe_dimensions(model: str, *, probing: bool = False) -> int:
    """The width that the model gives, by one real call; `probing` makes it even while the breaker is open."""
    known = embedding_model(model)
    found: list[np.ndarray] = []

    def keep(some: Sequence[str], matrix: np.ndarray) -> None:
        found.append(matrix)

    _embed(["How wide is a vector?"], known, known.dimensions, keep, lambda: None, probing=probing)
    return int(found[0].shape[1])


def _embed(
    texts: list[str],
    model: EmbeddingModel,
    width: int | None,
    keep: Keep,
    tell: Callable[[], None],
    *,
    prefix: str = "",
    as_query: bool = False,
    probing: bool = False,
) -> None:
    cuts, count = Cuts(frozenset(texts), prefix), tokenizer_for(model.name).count
    try:
        counted = _within([(text, count(text)) for text in texts], model.max_tokens, cuts, count)
        if model.is_local:
            return _embed_here(counted, model, cuts, keep, tell)
    except local.WeightsUnavailable as error:
        raise NotConfigured(str(error), kind="local_missing") from error
    server = embedding_provider()
    if not probing:
        circuit_breaker.check(server)
    run = _Run(model.name, width, server, quirks_of(server, model.name), keep, tell, cuts, count, as_query)
    return run.send(counted)


def _within(counted: Counted, most: int | None, cuts: Cuts, count: Callable[[str], int]) -> Counted:
    """The texts with their tokens, those that have more than `most` in parts."""
    waiting, found = deque(counted), []
    while waiting:
        text, tokens = waiting.popleft()
        if most and tokens > max(most, MIN_TOKENS) and (parts := cuts.cut(text)):
            waiting.extendleft((part, count(part)) for part in reversed(parts))
        else:
            found.append((text, tokens))
    return found


def _embed_here(
    counted: Counted, model: EmbeddingModel, cuts: Cuts, keep: Keep, tell: Callable[[], None]
) -> None:
    for start in range(0, len(counted), LOCAL_BATCH_TEXTS):
        some = [text for text, _tokens in counted[start : start + LOCAL_BATCH_TEXTS]]
        call = Call("embed", model.name, "local", texts=len(some))
        _keep_whole(some, np.asarray(local.embed(some), np.float32), cuts, keep)
        call.ended()
        tell()


def _keep_whole(texts: Sequence[str], matrix: np.ndarray, cuts: Cuts, keep: Keep) -> None:
    """Keeps the vectors of texts that were asked for: of parts nothing before they make up a text."""
    pairs = zip(texts, matrix, strict=True)
    whole = dict(found for pair in pairs for found in cuts.complete(*pair))
    if whole:
        keep([*whole], np.stack([*whole.values()]))


@dataclass
class _Run:
    """One call of embed_documents at a provider: a queue of batches, several of them in flight."""

    model: str
    width: int | None
    server: Provider
    quirks: Quirks
    keep: Keep
    tell: Callable[[], None]
    cuts: Cuts
    count: Callable[[str], int]
    as_query: bool = False
    longest: int | None = None  # tokens of a text; more were refused in this run
    waiting: deque[Counted] = field(default_factory=deque)
    flying: dict[Future[Answer], Counted] = field(default_factory=dict)
    deadlines: dict[Future[Answer], float] = field(default_factory=dict)
    is_learning: bool = False
    asked: int | None = None  # the width to ask for: none where it is the model's own
    limits_before: tuple[int | None, int | None] = (None, None)

    def send(self, counted: Counted) -> None:
        dropped = set(self.quirks.dropped)
        self.limits_before = self.quirks.texts, self.quirks.tokens
        self.asked = self.width if self.width != native_dimensions(self.model) else None
        self.waiting.extend(_batches(counted, *self._limits()))
        try:
            self._work_off()
        except Exception as error:
            is_fault = isinstance(error, ProviderError)
            self._save_what_comes(GRACE_SECONDS if is_fault else HURRIED_GRACE_SECONDS)
            raise
        # Learnt only when all went well.
        if self.is_learning or self.quirks.dropped != dropped:
            self.quirks.save()

    def _work_off(self) -> None:
        # The first request goes alone unless key and quota are known to be good: a refusal then costs one request.
        at_once = settings.EMBEDDING_CONCURRENCY if circuit_breaker.answered_lately(self.server) else 1
        while self.waiting or self.flying:
            while self.waiting and len(self.flying) < max(at_once, 1):
                self._submit(self.waiting.popleft())
            for future in self._landed():
                if self._land(future, self.flying.pop(future)):
                    at_once = settings.EMBEDDING_CONCURRENCY

    def _landed(self) -> set[Future[Answer]]:
        """Waits for the next answers. A server that goes on and on without ending one is given up, too."""
        first = min(self.deadlines[future] for future in self.flying)
        done = wait(self.flying, timeout=max(first - monotonic(), 0), return_when=FIRST_COMPLETED).done
        late = [future for future in self.flying if self.deadlines[future] <= monotonic()]
        if done or not late:
            return done
        for future in late:
            del self.flying[future]
        error = ProviderUnavailable("deadline", kind="timeout")
        circuit_breaker.failed(self.server, error)
        raise error

    def _submit(self, batch: Counted) -> None:
        # Late: the client takes a second to import, and the local model needs none.
        from ragsite.llm.backends.openai.embeddings import embed_batch

        # What was learnt meanwhile may cut it.
        first, *rest = _batches(_within(batch, self.longest, self.cuts, self.count), *self._limits())
        self.waiting.extendleft(reversed(rest))
        seconds = longest_request(len(first))
        request = partial(
            embed_batch,
            [text for text, _tokens in first],
            model=self.model,
            dimensions=self.asked,
            width=self.width,
            server=self.server,
            quirks=self.quirks,
            as_query=self.as_query,
            seconds=seconds,
        )
        future = _in_a_thread(request)
        self.flying[future], self.deadlines[future] = first, monotonic() + seconds

    def _land(self, future: Future[Answer], batch: Counted) -> bool:
        """True when the vectors are there; False when the batch goes back in halves."""
        try:
            vectors, call = future.result()
        except TooLarge as refusal:
            circuit_breaker.failed(self.server, refusal)
            if len(batch) == 1:
                self._cut(*batch[0], refusal)
            else:
                self._halve(batch, refusal.too_many)
            return False
        except ProviderError as error:
            circuit_breaker.failed(self.server, error)
            raise
        circuit_breaker.answered(self.server)
        call.count()
        self.width = self.width or int(vectors.shape[1])  # what the first batch has, all must have
        if vectors.shape[1] != self.width:
            raise wrong_width({int(vectors.shape[1])}, self.width)
        self._keep(batch, vectors)
        self.tell()
        return True

    def _keep(self, batch: Counted, vectors: np.ndarray) -> None:
        _keep_whole([text for text, _tokens in batch], vectors, self.cuts, self.keep)

    def _cut(self, text: str, tokens: int, refusal: TooLarge) -> None:
        """A single text that is too long goes back in parts. It says nothing about how large a batch may be."""
        self.quirks.texts, self.quirks.tokens = self.limits_before
        self.is_learning = False
        self.longest = min(self.longest or tokens, tokens - 1)
        if tokens <= MIN_TOKENS or not (parts := self.cuts.cut(text)):
            raise (ProviderUnavailable(refusal.detail) if refusal.may_pass else refusal) from None
        self.waiting.appendleft([(part, self.count(part)) for part in parts])

    def _halve(self, batch: Counted, too_many: bool) -> None:
        self.is_learning = True
        if too_many:
            self.quirks.texts = _lower(self.quirks.texts, len(batch) // 2)
        else:
            self.quirks.tokens = _lower(self.quirks.tokens, sum(tokens for _text, tokens in batch) // 2)
        middle = len(batch) // 2
        self.waiting.extendleft([batch[middle:], batch[:middle]])

    def _save_what_comes(self, seconds: float) -> None:
        done, _late = wait(self.flying, timeout=seconds)
        for future in done:
            if future.exception() is None:
                self._keep(self.flying[future], future.result()[0])

    def _limits(self) -> tuple[int, int]:
        texts = min(settings.EMBEDDING_BATCH_TEXTS, self.quirks.texts or settings.EMBEDDING_BATCH_TEXTS)
        tokens = min(settings.EMBEDDING_BATCH_TOKENS, self.quirks.tokens or settings.EMBEDDING_BATCH_TOKENS)
        return max(texts, 1), tokens


def longest_request(texts: int) -> float:
    """How many seconds a request of so many texts may take in all."""
    return float(settings.LLM_FIRST_TOKEN_TIMEOUT or 60) + OVERHEAD_SECONDS + SECONDS_A_TEXT * texts


def _in_a_thread(request: Callable[[], Answer]) -> Future[Answer]:
    """A daemon, unlike an executor's threads: a process that is told to end does not wait for the provider."""
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            future.set_result(request())
        except Exception as error:
            future.set_exception(error)

    # In the caller's context, so that the call's log line names the job it belongs to.
    Thread(target=copy_context().run, args=(run,), name="embed", daemon=True).start()
    return future


def _batches(counted: Counted, most_texts: int, most_tokens: int) -> Iterator[Counted]:
    """As few batches as the limits allow; a text that is over the limit by itself goes alone."""
    batch: Counted = []
    total = 0
    for text, tokens in counted:
        if batch and (len(batch) == most_texts or total + tokens > most_tokens):
            yield batch
            batch, total = [], 0
        batch.append((text, tokens))
        total += tokens
    if batch:
        yield batch


def _lower(limit: int | None, found: int) -> int:
    return max(min(limit or found, found), 1)


def _shortened(text: str, tokenizer: "Tokenizer", most: int | None) -> str:
    if not most or tokenizer.count(text) <= most:
        return text
    low, high = 0, len(text)  # the longest beginning that fits
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if tokenizer.count(text[:middle]) <= most else (low, middle - 1)
    return text[:low]
