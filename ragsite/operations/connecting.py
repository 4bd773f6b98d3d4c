"""Connecting models: try what an operator typed, save it, and let waiting work go on with it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from django.db import transaction

from documents.models import Index, Task
from documents.models.index import IndexState
from ragsite import llm
from ragsite.llm import configuration
from ragsite.llm.configuration import Role
from ragsite.llm.models import Connection

logger = logging.getLogger("ragsite.operations")


@dataclass(frozen=True)
class Attempted:
    """The result of a test: the models that the server lists, and one call to the chosen one."""

    models: list[str] = field(default_factory=list)
    trial: llm.Trial | None = None
    failure: llm.ProviderError | None = None

    @property
    def ok(self) -> bool:
        return self.trial.ok if self.trial else self.failure is None


def attempt(connection: Connection) -> Attempted:
    """Ask the server for its models and call the chosen one. Never raises ProviderError; nothing is saved."""
    role = Role(connection.role)
    with configuration.trying(role, connection.as_settings()):
        try:
            models, failure = llm.list_models(role), None
        except llm.ProviderError as error:  # some servers have no list
            models, failure = [], error
        if not connection.model:
            return Attempted(models, failure=failure)
        trial = llm.try_chat() if role == Role.CHAT else llm.try_embedding(connection.model)
        return Attempted(models, trial)


def save(connection: Connection) -> None:
    """Put the connection into effect, in every process, and retry what waits for a provider."""
    with transaction.atomic():
        if connection.role == Role.CHAT:
            _keep_embeddings()
        connection.save()
    logger.info("connection saved role=%s", connection.role)
    Task.objects.retry_now(after_outage=True)


def disconnect(role: Role) -> bool:
    """Delete the connections of this role that no index needs; return whether there was one."""
    with transaction.atomic():
        if role == Role.CHAT:
            _keep_embeddings()
        needed = _models_of_indexes() if role == Role.EMBEDDING else set()
        deleted, _by_model = Connection.objects.filter(role=role).exclude(model__in=needed).delete()
    logger.info("connection deleted role=%s", role)
    return bool(deleted)


def _keep_embeddings() -> None:
    chosen = configuration.chat()
    if chosen.is_saved:
        Connection.objects.keep_embeddings(_models_of_indexes(), chosen)


def _models_of_indexes() -> set[str]:
    indexes = Index.objects.exclude(state=IndexState.RETIRED)
    return set(indexes.values_list("embedding_model", flat=True)) - {llm.LOCAL_EMBEDDING_MODEL}
