"""The limit on how many questions a user may ask in a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from ragsite.accounts.models import User
    from ragsite.cache import PrefixedCache

MAX_QUESTIONS_PER_MINUTE = 30


def minute() -> str:
    """Return the current minute, which is part of the counter's key."""
    return f"{timezone.now():%H%M}"


def may_ask_now(user: User) -> bool:
    """Count one more question of the user and return whether it is within the limit."""
    key = f"asked:{user.pk}:{minute()}"
    try:
        return cast("PrefixedCache", cache).count(key, 120) <= MAX_QUESTIONS_PER_MINUTE
    except RedisError:  # while the cache is down, there is no limit
        return True


def too_many_questions() -> str:
    return _("You asked a lot of questions in a short time. Wait a minute, then ask again.")
