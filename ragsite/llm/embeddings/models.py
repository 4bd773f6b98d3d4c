"""The properties of each embedding model, and the default model of a new index."""

from dataclasses import dataclass, replace

from django.conf import settings

from ragsite.llm import configuration
from ragsite.llm.backends import local
from ragsite.llm.configuration import ModelSettings
from ragsite.llm.embeddings.families import family_of
from ragsite.llm.errors import NotConfigured
from ragsite.llm.provider import embeds_at_openai, host_of_embedding_provider
from ragsite.llm.tokens import tokenizer_for

OPENAI_DEFAULT = "text-embedding-3-small"
CHUNK_TOKENS = 500
MIN_CHUNK_TOKENS = 20
UNKNOWN_WINDOW = 512  # the input limit of the most common models of other servers


@dataclass(frozen=True)
class EmbeddingModel:
    """`dimensions` is None for a model that was not probed yet, `max_tokens` if its input limit is unknown.

    The model expects the prefixes before a question and before a passage.
    """

    name: str
    dimensions: int | None
    max_tokens: int | None
    chunk_tokens: int = CHUNK_TOKENS
    chunk_overlap: int = CHUNK_TOKENS // 10
    query_prefix: str = ""
    passage_prefix: str = ""
    is_local: bool = False


KNOWN = {
    model.name: model
    for model in (
        EmbeddingModel("text-embedding-3-small", 1536, 8191),
        EmbeddingModel("text-embedding-3-large", 3072, 8191),
        EmbeddingModel("text-embedding-ada-002", 1536, 8191),
        EmbeddingModel(
            local.MODEL, local.DIMENSIONS, local.MAX_TOKENS, chunk_tokens=200, chunk_overlap=30, is_local=True
        ),
    )
}


def embedding_model(name: str) -> EmbeddingModel:
    """The properties of the model. Raises NotConfigured for a local model that is not installed."""
    model = KNOWN.get(name) or _by_family(name)
    if model.is_local:
        if not local.is_installed():
            raise NotConfigured(name, kind="local_missing")
        return model
    if settings.EMBEDDING_DIMENSIONS and name == default_embedding_model():
        model = replace(model, dimensions=int(settings.EMBEDDING_DIMENSIONS))
    return _with_settings(model, configuration.embedding(name))


def _by_family(name: str) -> EmbeddingModel:
    if not (family := family_of(name)):
        return _with_chunk_size(EmbeddingModel(name, None, configuration.embedding(name).max_tokens))
    model = EmbeddingModel(name, None, family.max_tokens)
    return _with_chunk_size(
        replace(model, query_prefix=family.query_prefix, passage_prefix=family.passage_prefix)
    )


def _with_settings(model: EmbeddingModel, chosen: ModelSettings) -> EmbeddingModel:
    """What is set for this model, or for no model in particular, overrides its known properties."""
    if chosen.model not in ("", model.name):
        return model
    query, passage = chosen.query_prefix, chosen.passage_prefix
    model = replace(
        model,
        query_prefix=model.query_prefix if query is None else query,
        passage_prefix=model.passage_prefix if passage is None else passage,
    )
    window = chosen.max_tokens
    return _with_chunk_size(replace(model, max_tokens=window)) if window else model


def _with_chunk_size(model: EmbeddingModel) -> EmbeddingModel:
    """Limit chunks to half the input limit: the model may count twice as many tokens as the tokenizer here."""
    half = (model.max_tokens or UNKNOWN_WINDOW) // 2
    room = half - tokenizer_for(model.name).count(model.passage_prefix)
    chunk_tokens = min(CHUNK_TOKENS, max(room // 10 * 10, MIN_CHUNK_TOKENS))
    return replace(model, chunk_tokens=chunk_tokens, chunk_overlap=chunk_tokens // 10)


def native_dimensions(name: str) -> int | None:
    """The model's default number of dimensions; None if unknown."""
    return KNOWN[name].dimensions if name in KNOWN else None


def default_embedding_model() -> str:
    """The model of a new index: the one set up, else OpenAI's if there is a key for it, else the local one."""
    return configuration.embedding().model or (OPENAI_DEFAULT if embeds_at_openai() else local.MODEL)


def host_of_embeddings(name: str) -> str:
    """The host that texts are sent to, for display; empty for the local model, or if there is none."""
    return "" if name == local.MODEL else host_of_embedding_provider(name)
