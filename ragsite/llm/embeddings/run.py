"""One embedding run at a provider: batches in flight, adapted to the limits that the server turns out to have."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from time import monotonic

import numpy as np
from django.conf import settings

from ragsite.llm import circuit_breaker
from ragsite.llm.backends.openai.vectors import wrong_width
from ragsite.llm.embeddings.cuts import MIN_TOKENS, Counted, Cuts, Keep, keep_complete, split_long_texts
from ragsite.llm.embeddings.models import native_dimensions
from ragsite.llm.errors import ProviderError, ProviderUnavailable, TooLarge
from ragsite.llm.provider import Provider
from ragsite.llm.quirks import Quirks
from ragsite.llm.usage import Call

# How long to wait for requests in flight after an error: their vectors are paid for.
GRACE_SECONDS = 10
SHORT_GRACE_SECONDS = 3
# Time that a request may take beyond the time to its first byte, for connecting and per text.
OVERHEAD_SECONDS = 5
SECONDS_PER_TEXT = 0.25

Response = tuple[np.ndarray, Call]


@dataclass
class EmbeddingRun:
    """Embed texts with a queue of batches, several of them in flight."""

    model: str
    width: int | None
    server: Provider
    quirks: Quirks
    keep: Keep
    report_progress: Callable[[], None]
    cuts: Cuts
    count: Callable[[str], int]
    as_query: bool = False
    max_text_tokens: int | None = None  # the server rejected longer texts in this run
    queue: deque[Counted] = field(default_factory=deque)
    in_flight: dict[Future[Response], Counted] = field(default_factory=dict)
    deadlines: dict[Future[Response], float] = field(default_factory=dict)
    has_new_limits: bool = False
    requested_width: int | None = None  # None if it is the model's default
    initial_limits: tuple[int | None, int | None] = (None, None)

    def send(self, counted: Counted) -> None:
        dropped = set(self.quirks.dropped)
        self.initial_limits = self.quirks.texts, self.quirks.tokens
        self.requested_width = self.width if self.width != native_dimensions(self.model) else None
        self.queue.extend(_batches(counted, *self._limits()))
        try:
            self._process_queue()
        except Exception as error:
            is_fault = isinstance(error, ProviderError)
            self._keep_finished(GRACE_SECONDS if is_fault else SHORT_GRACE_SECONDS)
            raise
        # Limits are saved only after a run without errors.
        if self.has_new_limits or self.quirks.dropped != dropped:
            self.quirks.save()

    def _process_queue(self) -> None:
        # Until key and quota have worked recently, a single request goes first: an error then costs one request only.
        concurrency = settings.EMBEDDING_CONCURRENCY if circuit_breaker.answered_recently(self.server) else 1
        while self.queue or self.in_flight:
            while self.queue and len(self.in_flight) < max(concurrency, 1):
                self._submit(self.queue.popleft())
            for future in self._finished():
                if self._handle(future, self.in_flight.pop(future)):
                    concurrency = settings.EMBEDDING_CONCURRENCY

    def _finished(self) -> set[Future[Response]]:
        """Wait for the next responses. Raises ProviderUnavailable at the deadline, which also ends endless responses."""
        first = min(self.deadlines[future] for future in self.in_flight)
        done = wait(self.in_flight, timeout=max(first - monotonic(), 0), return_when=FIRST_COMPLETED).done
        late = [future for future in self.in_flight if self.deadlines[future] <= monotonic()]
        if done or not late:
            return done
        for future in late:
            del self.in_flight[future]
        error = ProviderUnavailable("deadline", kind="timeout")
        circuit_breaker.record_failure(self.server, error)
        raise error

    def _submit(self, batch: Counted) -> None:
        # Imported late: the client takes a second to import, and the local model does not need it.
        from ragsite.llm.backends.openai.embeddings import embed_batch

        # Limits found since the batch was queued may split it.
        first, *rest = _batches(
            split_long_texts(batch, self.max_text_tokens, self.cuts, self.count), *self._limits()
        )
        self.queue.extendleft(reversed(rest))
        seconds = max_request_seconds(len(first), self.server.first_token_timeout)
        request = partial(
            embed_batch,
            [text for text, _tokens in first],
            model=self.model,
            dimensions=self.requested_width,
            width=self.width,
            server=self.server,
            quirks=self.quirks,
            as_query=self.as_query,
            seconds=seconds,
        )
        future = _start_thread(request)
        self.in_flight[future], self.deadlines[future] = first, monotonic() + seconds

    def _handle(self, future: Future[Response], batch: Counted) -> bool:
        """Keep the vectors and return True; return False if the batch was queued again in parts."""
        try:
            vectors, call = future.result()
        except TooLarge as refusal:
            circuit_breaker.record_failure(self.server, refusal)
            if len(batch) == 1:
                self._cut(*batch[0], refusal)
            else:
                self._halve(batch, refusal.has_too_many_texts)
            return False
        except ProviderError as error:
            circuit_breaker.record_failure(self.server, error)
            raise
        circuit_breaker.record_success(self.server)
        call.count()
        self.width = self.width or int(vectors.shape[1])  # the first batch sets the width of all
        if vectors.shape[1] != self.width:
            raise wrong_width({int(vectors.shape[1])}, self.width)
        self._keep(batch, vectors)
        self.report_progress()
        return True

    def _keep(self, batch: Counted, vectors: np.ndarray) -> None:
        keep_complete([text for text, _tokens in batch], vectors, self.cuts, self.keep)

    def _cut(self, text: str, tokens: int, refusal: TooLarge) -> None:
        """Queue the two parts of a text that is too long. This tells nothing about the size of batches."""
        self.quirks.texts, self.quirks.tokens = self.initial_limits
        self.has_new_limits = False
        self.max_text_tokens = min(self.max_text_tokens or tokens, tokens - 1)
        if tokens <= MIN_TOKENS or not (parts := self.cuts.cut(text)):
            raise (ProviderUnavailable(refusal.detail) if refusal.may_pass else refusal) from None
        self.queue.appendleft([(part, self.count(part)) for part in parts])

    def _halve(self, batch: Counted, has_too_many_texts: bool) -> None:
        self.has_new_limits = True
        if has_too_many_texts:
            self.quirks.texts = _lowered(self.quirks.texts, len(batch) // 2)
        else:
            self.quirks.tokens = _lowered(self.quirks.tokens, sum(tokens for _text, tokens in batch) // 2)
        middle = len(batch) // 2
        self.queue.extendleft([batch[middle:], batch[:middle]])

    def _keep_finished(self, seconds: float) -> None:
        done, _late = wait(self.in_flight, timeout=seconds)
        for future in done:
            if future.exception() is None:
                self._keep(self.in_flight[future], future.result()[0])

    def _limits(self) -> tuple[int, int]:
        texts = min(self.server.batch_texts, self.quirks.texts or self.server.batch_texts)
        tokens = min(settings.EMBEDDING_BATCH_TOKENS, self.quirks.tokens or settings.EMBEDDING_BATCH_TOKENS)
        return max(texts, 1), tokens


def max_request_seconds(texts: int, first_byte: float) -> float:
    """The time limit of a request with this number of texts, in seconds."""
    return first_byte + OVERHEAD_SECONDS + SECONDS_PER_TEXT * texts


def _start_thread(request: Callable[[], Response]) -> Future[Response]:
    """Run in a daemon thread: unlike with an executor, a process that shuts down does not wait for the provider."""
    future: Future[Response] = Future()

    def run() -> None:
        try:
            future.set_result(request())
        except Exception as error:
            future.set_exception(error)

    # In the caller's context, so that log lines contain the id of the job.
    Thread(target=copy_context().run, args=(run,), name="embed", daemon=True).start()
    return future


def _batches(counted: Counted, max_texts: int, max_tokens: int) -> Iterator[Counted]:
    """Pack the texts into batches within the limits; a text above the limit is a separate batch."""
    batch: Counted = []
    total = 0
    for text, tokens in counted:
        if batch and (len(batch) == max_texts or total + tokens > max_tokens):
            yield batch
            batch, total = [], 0
        batch.append((text, tokens))
        total += tokens
    if batch:
        yield batch


def _lowered(limit: int | None, found: int) -> int:
    return max(min(limit or found, found), 1)
