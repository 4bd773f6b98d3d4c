"""Request embeddings from OpenAI and compatible servers.

There are no retries here: a view reports the error, and a job is rescheduled by its queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import openai

from ragsite.llm.backends.openai.clients import limit_response, options_for, sync_client
from ragsite.llm.backends.openai.error_details import raise_if_error
from ragsite.llm.backends.openai.errors import FAULTS, translate_embedding
from ragsite.llm.backends.openai.parameters import requires_input_type, requires_single_text
from ragsite.llm.backends.openai.requests import accepted, drop_rejected, sendable
from ragsite.llm.backends.openai.vectors import read_vectors
from ragsite.llm.errors import ProviderError, TooLarge
from ragsite.llm.provider import Provider
from ragsite.llm.quirks import Quirks
from ragsite.llm.usage import Call, read_usage


def embed_batch(
    texts: Sequence[str],
    *,
    model: str,
    dimensions: int | None,
    width: int | None,
    server: Provider,
    quirks: Quirks,
    seconds: float,
    as_query: bool = False,
) -> tuple[np.ndarray, Call]:
    """Embed the texts with one request; thread-safe.

    `dimensions` is sent to the server, `width` is the required width of the vectors, and `seconds` limits the time
    for the whole answer. Raises TooLarge if half of the batch may succeed. Uses neither the circuit breaker nor
    Redis: that is left to the calling thread.
    """
    call = Call("embed", model, server.host, texts=len(texts))
    limit_response(seconds)
    try:
        answer = _post(_Request(texts, model, dimensions, server, quirks, as_query))
        vectors = read_vectors(answer, count=len(texts), dimensions=width)
    except (*FAULTS, ProviderError) as error:
        fault = translate_embedding(error)
        call.log(fault.kind)
        raise fault from None
    usage = answer.get("usage") if isinstance(answer, dict) else None
    call.usage = read_usage(usage, is_embedding=True)
    call.log()
    return vectors, call


# Quirks besides rejected parameters.
ONE_TEXT = "a list of texts"
NO_PURPOSE = "texts without input_type"


@dataclass(frozen=True)
class _Request:
    texts: Sequence[str]
    model: str
    dimensions: int | None
    server: Provider
    quirks: Quirks
    as_query: bool

    def body(self) -> dict[str, Any]:
        sent = [sendable(text) if any(map(_is_visible, text)) else "." for text in self.texts]
        has_purpose = NO_PURPOSE in self.quirks.dropped
        wanted = {
            # base64 is a quarter of the size, but not every server supports it.
            "encoding_format": "base64" if self.server.is_openai else "float",
            "dimensions": self.dimensions,
            "input_type": _purpose(self.model, self.as_query) if has_purpose else None,
        }
        is_alone = ONE_TEXT in self.quirks.dropped and len(sent) == 1
        return {"model": self.model, "input": sent[0] if is_alone else sent} | accepted(wanted, self.quirks)


def _post(request: _Request) -> object:
    """Send the request, again without whatever the server rejects in it."""
    server, quirks = request.server, request.quirks
    client = sync_client(server)
    path = server.endpoint.path("embeddings", request.model, is_shared=server.address_is_shared)
    while True:
        if ONE_TEXT in quirks.dropped and len(request.texts) > 1:
            raise one_at_a_time()
        body = request.body()
        try:
            answer = client.post(path, cast_to=object, body=body, options=options_for(server))
            raise_if_error(answer)
            return answer
        except openai.APIStatusError as error:
            if isinstance(body["input"], list) and requires_single_text(error):
                quirks.drop(ONE_TEXT)
            elif NO_PURPOSE not in quirks.dropped and requires_input_type(error):
                quirks.drop(NO_PURPOSE)
            else:
                drop_rejected(error, body, quirks)


def _purpose(model: str, as_query: bool) -> str:
    """Return the `input_type`: Cohere's models (`embed-…`) and NVIDIA's use different names."""
    prefix = "search_" if model.rpartition("/")[2].startswith("embed-") else ""
    return prefix + ("query" if as_query else "document" if prefix else "passage")


def one_at_a_time() -> TooLarge:
    refusal = TooLarge("one text at a time")
    refusal.has_too_many_texts = True
    return refusal


def _is_visible(character: str) -> bool:
    """Servers reject a text without visible characters as empty."""
    return character.isprintable() and not character.isspace()
