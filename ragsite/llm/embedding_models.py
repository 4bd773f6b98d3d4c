"""What is known of each embedding model, and which one a new site uses."""

from dataclasses import dataclass, replace

from django.conf import settings

from .backends import local
from .errors import NotConfigured
from .provider import embeds_at_openai, host_of_embedding_provider

OPENAI_DEFAULT = "text-embedding-3-small"


@dataclass(frozen=True)
class EmbeddingModel:
    """`dimensions` is None for a model nobody has probed yet, `max_tokens` where it is not known what it reads."""

    name: str
    dimensions: int | None
    max_tokens: int | None
    chunk_tokens: int = 500
    chunk_overlap: int = 50
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
    """What is known of the model. LookupError (NotConfigured) for a local one that is not installed."""
    model = KNOWN.get(name) or EmbeddingModel(name, None, settings.EMBEDDING_MAX_TOKENS)
    if model.is_local:
        if not local.is_installed():
            raise NotConfigured(name, kind="local_missing")
    elif settings.EMBEDDING_DIMENSIONS and name == default_embedding_model():
        model = replace(model, dimensions=int(settings.EMBEDDING_DIMENSIONS))
    return model


def native_dimensions(name: str) -> int | None:
    """The width that the model gives when nothing is asked for; None where it is not known."""
    return KNOWN[name].dimensions if name in KNOWN else None


def default_embedding_model() -> str:
    """The model of a new index: as set, else OpenAI's where a key for it is there, else the local one."""
    return settings.EMBEDDING_MODEL or (OPENAI_DEFAULT if embeds_at_openai() else local.MODEL)


def host_of_embeddings(name: str) -> str:
    """The host that texts are sent to, for display; empty where they stay on this machine or there is none."""
    return "" if name == local.MODEL else host_of_embedding_provider()
