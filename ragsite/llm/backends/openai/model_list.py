"""List the models that a server offers."""

from collections.abc import Iterator

from ragsite.llm.backends.openai.clients import limit_response, options_for, sync_client
from ragsite.llm.backends.openai.error_details import raise_if_error
from ragsite.llm.backends.openai.errors import FAULTS, translate
from ragsite.llm.errors import BadResponse
from ragsite.llm.provider import Provider
from ragsite.storable import storable_text

MAX_MODELS = 1_000  # OpenRouter lists about 400
MAX_NAME = 200
MAX_BYTES = 8 * 1024 * 1024
LIST_SECONDS = 10


def list_models(server: Provider) -> list[str]:
    """The names of the models, sorted, at most MAX_MODELS of them. Raises ProviderError."""
    limit_response(LIST_SECONDS, MAX_BYTES)
    client = sync_client(server).with_options(timeout=LIST_SECONDS)
    try:
        answer: object = client.get("/models", cast_to=object, options=options_for(server))
        raise_if_error(answer)
    except FAULTS as error:
        raise translate(error) from None
    return sorted(set(_names(answer)))[:MAX_MODELS]


def _names(answer: object) -> Iterator[str]:
    """Some servers answer with the bare list, some with {"data": [...]} and Gemini with names such as models/gemini."""
    rows = answer.get("data") or answer.get("models") if isinstance(answer, dict) else answer
    if not isinstance(rows, list):
        raise BadResponse("no list of models")
    for row in rows:
        name = (row.get("id") or row.get("name")) if isinstance(row, dict) else row
        if isinstance(name, str) and 0 < len(name := storable_text(name).strip()) <= MAX_NAME:
            yield name.removeprefix("models/")
