"""The answer cache, keyed by everything an answer depends on, and a lock so that identical questions cost one call.

People share an entry where everything that its answer could have drawn on is readable by both: its key holds the
collections in which the question searches, and no others.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from documents.models import Collection, Index
from qa.answering.prompts import PROMPT_VERSION, Turn
from qa.models import Instructions
from qa.models.origin import Origin, readable_origins
from ragsite import llm
from ragsite.redis import name_of

if TYPE_CHECKING:
    from ragsite.accounts.models import User
    from ragsite.cache import PrefixedCache

logger = logging.getLogger(__name__)

QUOTING_VERSION = 3  # part of the key: raise it when answers without a model become others
KEEP_SECONDS = 24 * 3600
# Longer than an answer usually takes; the lock of a crashed process expires after this.
LOCK_SECONDS = 60
SETTINGS = [
    "DENSE_WEIGHT", "SOURCE_TOKENS", "CHAT_TEMPERATURE", "CHAT_MAX_OUTPUT_TOKENS", "EXACT_SEARCH_LIMIT",
    "ANSWER_JUDGE", "SECOND_SEARCH",
]  # fmt: skip

# What a cached answer keeps of its question.
FIELDS = [
    "search_query", "answer", "parts", "way", "kind", "model", "host", "finish_reason", "trace", "draws_on", "checks",
    "sentences_checked", "sentences_supported", "instructions_id",
]  # fmt: skip

Entry = dict[str, Any]


def answer_key(
    question: str,
    history: Sequence[Turn],
    *,
    index: Index,
    collections: Iterable[Collection],
    documents: Iterable[int] = (),
    instructions: Iterable[Instructions] = (),
) -> str:
    """Return the cache key of a question about these collections, which the asker may read.

    Of a collection with chosen `documents`, only these are searched.

    It holds the versions of the answering instructions, and the stamp of each collection, which changes with its content.
    The answer must draw on no other collection: see `may_share`.
    """
    depends_on = {
        "question": " ".join(question.split()).casefold(),
        "history": [[turn.question, turn.answer, sorted(turn.draws_on, key=str)] for turn in history],
        "index": name_of(index),
        "versions": [PROMPT_VERSION, QUOTING_VERSION],
        "model": [llm.chat_model() or "quoted", llm.host_of_chat(), llm.context_tokens()],
        "language": settings.LANGUAGE_CODE,
        "settings": [getattr(settings, name) for name in SETTINGS],
        "collections": sorted((collection.pk, str(collection.stamp)) for collection in collections),
        "instructions": sorted(name_of(version) for version in instructions),
        "documents": sorted(documents),
    }
    return "answer:" + hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def may_share(draws_on: Iterable[Origin], collections: Iterable[Collection]) -> bool:
    """Whether an answer draws on nothing outside the collections of its key.

    A collection may become searchable, or readable to the asker alone, after the key was made.
    """
    return {collection for _document, collection in draws_on} <= {collection.pk for collection in collections}


def load(key: str, user: User) -> Entry | None:
    """Return the cached answer, or None: there is none, the user may not read all that it draws on, or the cache is down."""
    try:
        entry: Entry | None = cache.get(key)
    except RedisError:
        logger.warning("the answer cache is unavailable")
        return None
    return entry if entry and may_read_all(entry.get("draws_on", ()), user) else None


def may_read_all(draws_on: Iterable[Sequence[int | None]], user: User) -> bool:
    """Whether the user may read all that an answer draws on now, whatever its key says."""
    origins = {cast("Origin", tuple(origin)) for origin in draws_on}
    return readable_origins(origins, user).issuperset(origins)


def store(key: str, entry: Entry) -> None:
    """Cache a complete answer for KEEP_SECONDS."""
    documents = {row.get("document_id") for row in entry.get("citations", [])} - {None}
    names = [f"answers-citing:{document}" for document in documents]
    try:
        _prefixed_cache().set_tagged(
            key, {**entry, "at": timezone.now().isoformat()}, KEEP_SECONDS, names=names
        )
    except RedisError:
        logger.warning("the answer cache is unavailable")


def delete_answers_citing(document_id: int) -> None:
    """Delete the cached answers that cite a document."""
    try:
        _prefixed_cache().delete_tagged(f"answers-citing:{document_id}")
    except RedisError:
        logger.warning("the answer cache is unavailable")


def _prefixed_cache() -> PrefixedCache:
    return cast("PrefixedCache", cache)


def lock(key: str, name: str) -> bool:
    """Lock a question for the answer of this name and return whether it succeeded; equal questions follow that answer."""
    try:
        return bool(cache.add(f"{key}:lock", name, LOCK_SECONDS))
    except RedisError:
        return True


def locked_by(key: str) -> str:
    """Return the name of the answer that is being written to an equal question; "" if there is none."""
    try:
        return str(cache.get(f"{key}:lock") or "")
    except RedisError:
        return ""


def unlock(key: str) -> None:
    try:
        cache.delete(f"{key}:lock")
    except RedisError:
        logger.warning("the answer cache is unavailable")
