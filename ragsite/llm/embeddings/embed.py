"""Embed texts: each distinct text once, cached vectors first, the rest in batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ragsite.llm import cache, circuit_breaker
from ragsite.llm.backends import local
from ragsite.llm.backends.openai.vectors import wrong_width
from ragsite.llm.embeddings.cuts import Counted, Cuts, Keep, keep_complete, split_long_texts
from ragsite.llm.embeddings.models import EmbeddingModel, embedding_model
from ragsite.llm.embeddings.run import EmbeddingRun
from ragsite.llm.errors import NotConfigured
from ragsite.llm.provider import embedding_provider
from ragsite.llm.quirks import quirks_of
from ragsite.llm.tokens import Tokenizer, tokenizer_for
from ragsite.llm.usage import Call

LOCAL_BATCH_TOKENS = 6_400  # two seconds of work


def embed_documents(
    texts: Sequence[str],
    *,
    model: str,
    dimensions: int | None = None,
    prefix: str = "",
    as_query: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """float32 (len(texts), width), in the order of texts.

    The model sees `prefix` before each text; `as_query` marks the texts as questions. The vector of a text above the
    model's limit is the mean of its parts' vectors. Each batch is cached for a day when it arrives, so that a second run
    pays only for the rest. `on_progress` receives the number of finished texts, in the calling thread. Raises
    ProviderError.
    """
    known = embedding_model(model)
    width = dimensions or known.dimensions
    if not all(text.strip() for text in texts):
        raise ValueError("A blank text cannot be embedded.")
    if not texts:
        return np.empty((0, width or 0), np.float32)
    texts = [prefix + text for text in texts]
    vectors = cache.cached_vectors(dict.fromkeys(texts), model=model, dimensions=width, as_query=as_query)

    def keep(batch: Sequence[str], matrix: np.ndarray) -> None:
        fresh = dict(zip(batch, matrix, strict=True))
        vectors.update(fresh)
        cache.save_vectors(fresh, model=model, dimensions=width, as_query=as_query)

    def report_progress() -> None:
        if on_progress:
            on_progress(sum(text in vectors for text in texts))

    missing = [text for text in dict.fromkeys(texts) if text not in vectors]
    if len(missing) < len(texts):
        report_progress()
    if missing:
        _embed(missing, known, width, keep, report_progress, prefix=prefix, as_query=as_query)
    return _matrix(texts, vectors)


def _matrix(texts: Sequence[str], vectors: Mapping[str, np.ndarray]) -> np.ndarray:
    """The vectors of the texts, one a row. Raises ProviderError if their widths differ."""
    if len(widths := {vector.size for vector in vectors.values()}) > 1:
        raise wrong_width(widths, None)
    return np.stack([vectors[text] for text in texts])


def embed_query(text: str, *, model: str, dimensions: int | None = None, prefix: str = "") -> np.ndarray:
    """The vector of a question, cached for a day. A question above the model's limit is truncated."""
    known, tokenizer = embedding_model(model), tokenizer_for(model)
    max_tokens = known.max_tokens and max(known.max_tokens - tokenizer.count(prefix), 1)
    truncated = _truncated(text.strip(), tokenizer, max_tokens)
    return embed_documents([truncated], model=model, dimensions=dimensions, prefix=prefix, as_query=True)[0]


def probe_dimensions(model: str, *, probing: bool = False) -> int:
    """The width of the model's vectors, by a real call; `probing` ignores an open circuit breaker."""
    known = embedding_model(model)
    found: list[np.ndarray] = []

    def keep(batch: Sequence[str], matrix: np.ndarray) -> None:
        found.append(matrix)

    _embed(["How wide is a vector?"], known, known.dimensions, keep, lambda: None, probing=probing)
    return int(found[0].shape[1])


def _embed(
    texts: list[str],
    model: EmbeddingModel,
    width: int | None,
    keep: Keep,
    report_progress: Callable[[], None],
    *,
    prefix: str = "",
    as_query: bool = False,
    probing: bool = False,
) -> None:
    cuts, count = Cuts(frozenset(texts), prefix), tokenizer_for(model.name).count
    try:
        counted = split_long_texts([(text, count(text)) for text in texts], model.max_tokens, cuts, count)
        if model.is_local:
            return _embed_locally(counted, model, cuts, keep, report_progress)
    except local.WeightsUnavailable as error:
        raise NotConfigured(str(error), kind="local_missing") from error
    server = embedding_provider(model.name)
    if not probing:
        circuit_breaker.check(server)
    run = EmbeddingRun(
        model.name, width, server, quirks_of(server, model.name), keep, report_progress, cuts, count, as_query
    )
    return run.send(counted)


def _embed_locally(
    counted: Counted, model: EmbeddingModel, cuts: Cuts, keep: Keep, report_progress: Callable[[], None]
) -> None:
    for batch in _local_batches(counted):
        call = Call("embed", model.name, "local", texts=len(batch))
        keep_complete(batch, np.asarray(local.embed(batch), np.float32), cuts, keep)
        call.log()
        report_progress()


def _local_batches(counted: Counted) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text, tokens in counted:
        if batch and size + tokens > LOCAL_BATCH_TOKENS:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += tokens
    if batch:
        yield batch


def _truncated(text: str, tokenizer: Tokenizer, max_tokens: int | None) -> str:
    if not max_tokens or tokenizer.count(text) <= max_tokens:
        return text
    low, high = 0, len(text)  # binary search for the longest prefix that fits
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if tokenizer.count(text[:middle]) <= max_tokens else (low, middle - 1)
    return text[:low]
