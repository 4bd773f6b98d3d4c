"""The answer cache, keyed by everything an answer depends on, and a lock so that identical questions cost one call."""

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

from documents.models import Collection, Document, Index
from qa.answering.prompts import PROMPT_VERSION, Turn
from qa.models import Instructions
from ragsite import llm
from ragsite.redis import name_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from ragsite.cache import PrefixedCache

logger = logging.getLogger(__name__)

QUOTING_VERSION = 2  # part of the key: raise it when answers without a model become others
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
    collections: QuerySet[Collection],
    document: Document | None = None,
    instructions: Iterable[Instructions] = (),
) -> str:
    """Return the cache key of a question about these collections, which the asker may read.

    It holds the versions of the answering instructions, and the stamp of each collection, which changes with its content.
    """
    depends_on = {
        "question": " ".join(question.split()).casefold(),
        "history": [[turn.question, turn.answer] for turn in history],
        "index": name_of(index),
        "versions": [PROMPT_VERSION, QUOTING_VERSION],
        "model": [llm.chat_model() or "quoted", llm.host_of_chat(), llm.context_tokens()],
        "language": settings.LANGUAGE_CODE,
        "settings": [getattr(settings, name) for name in SETTINGS],
        "collections": sorted((pk, str(stamp)) for pk, stamp in collections.values_list("pk", "stamp")),
        "instructions": sorted(name_of(version) for version in instructions),
        "document": document.pk if document is not None else None,
    }
    return "answer:" + hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def load(key: str) -> Entry | None:
    """Return the cached answer, or None if there is none or the cache is down."""
    try:
        entry: Entry | None = cache.get(key)
    except RedisError:
        logger.warning("the answer cache is unavailable")
        return None
    return entry


def store(key: str, entry: Entry) -> None:
    """Cache a complete answer for KEEP_SECONDS."""
    try:
        for document in {row.get("document_id") for row in entry.get("citations", [])} - {None}:
            _prefixed_cache().tag(f"answers-citing:{document}", key, KEEP_SECONDS)
        cache.set(key, {**entry, "at": timezone.now().isoformat()}, KEEP_SECONDS)
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


def lock(key: str) -> bool:
    """Lock a question for this process and return whether it succeeded; other processes wait for the cached answer."""
    try:
        return bool(cache.add(f"{key}:lock", 1, LOCK_SECONDS))
    except RedisError:
        return True


def is_locked(key: str) -> bool:
    try:
        return cache.get(f"{key}:lock") is not None
    except RedisError:
        return False


def unlock(key: str) -> None:
    try:
        cache.delete(f"{key}:lock")
    except RedisError:
        logger.warning("the answer cache is unavailable")
