"""Answers kept for a day, under everything that they depend on; and one provider call for two equal questions at once."""

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
from ragsite import llm
from ragsite.redis import name_of

if TYPE_CHECKING:
    from ragsite.accounts.models import User
    from ragsite.cache import PrefixedCache

logger = logging.getLogger(__name__)

KEEP_SECONDS = 24 * 3600
LOCK_SECONDS = (
    60  # longer than an answer usually takes; a dead process keeps others waiting no longer than this
)
SETTINGS = [
    "DENSE_WEIGHT", "SOURCE_TOKENS", "CHAT_CONTEXT_TOKENS", "CHAT_TEMPERATURE", "CHAT_MAX_OUTPUT_TOKENS", "EXACT_SEARCH_LIMIT"
]  # fmt: skip

Entry = dict[str, Any]


def answer_key(
    question: str,
    history: Sequence[Turn],
    *,
    user: User,
    index: Index,
    collections: Iterable[Collection] = (),
    document: Document | None = None,
) -> str:
    """Two questions share an answer only if nothing it may draw on differs: each readable collection counts with the stamp of its content."""
    chosen = [collection.pk for collection in collections]
    shelves = Collection.objects.visible_to(user)
    if document is not None:
        shelves = shelves.filter(pk=document.collection_id)
    elif chosen:
        shelves = shelves.filter(pk__in=chosen)
    depends_on = {
        "question": " ".join(question.split()).casefold(),
        "history": [[turn.question, turn.answer] for turn in history],
        "index": name_of(index),
        "prompt": PROMPT_VERSION,
        "model": [llm.chat_model() or "quoted", llm.host_of_chat() if llm.chat_model() else ""],
        "language": settings.LANGUAGE_CODE,
        "settings": [getattr(settings, name) for name in SETTINGS],
        "collections": sorted((pk, str(stamp)) for pk, stamp in shelves.values_list("pk", "stamp")),
        "document": document.pk if document is not None else None,
    }
    return "answer:" + hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def recall(key: str) -> Entry | None:
    """The kept answer; None also while the cache is away."""
    try:
        entry: Entry | None = cache.get(key)
    except RedisError:
        logger.warning("the answer cache is away")
        return None
    return entry


def remember(key: str, entry: Entry) -> None:
    """Keep a complete answer for a day from now."""
    try:
        for document in {row.get("document_id") for row in entry.get("citations", [])} - {None}:
            as_ours().tag(f"answers-citing:{document}", key, KEEP_SECONDS)
        cache.set(key, {**entry, "at": timezone.now().isoformat()}, KEEP_SECONDS)
    except RedisError:
        logger.warning("the answer cache is away")


def forget_answers_citing(document_id: int) -> None:
    """Delete what is kept of answers that quote a document. Nobody would find them any more; now nobody can."""
    try:
        as_ours().delete_tagged(f"answers-citing:{document_id}")
    except RedisError:
        logger.warning("the answer cache is away")


def as_ours() -> PrefixedCache:
    return cast("PrefixedCache", cache)


def claim(key: str) -> bool:
    """Whether this process is the one to answer now. The others wait a while for what it will remember."""
    try:
        return bool(cache.add(f"{key}:claim", 1, LOCK_SECONDS))
    except RedisError:
        return True


def is_claimed(key: str) -> bool:
    try:
        return cache.get(f"{key}:claim") is not None
    except RedisError:
        return False


def release(key: str) -> None:
    try:
        cache.delete(f"{key}:claim")
    except RedisError:
        logger.warning("the answer cache is away")
