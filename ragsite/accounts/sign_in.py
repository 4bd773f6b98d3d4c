"""How often a name was tried with a wrong password from one address. With Redis away nobody is counted and nobody kept out."""

from __future__ import annotations

import hashlib
import time

from django.core.cache import cache
from redis.exceptions import RedisError

FREE_FAILURES = 5
FIRST_WAIT = 15  # seconds; doubles with every further failure
LONGEST_WAIT = 15 * 60
REMEMBERED = 3600


def seconds_to_wait(name: str, address: str) -> int:
    try:
        until = cache.get(f"{_key(name, address)}:until")
    except RedisError:
        return 0
    return max(0, round(until - time.time())) if until else 0


def note_failure(name: str, address: str) -> None:
    key = _key(name, address)
    try:
        cache.add(key, 0, REMEMBERED)
        failures = cache.incr(key)
        if failures >= FREE_FAILURES:
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - FREE_FAILURES))
            cache.set(f"{key}:until", int(time.time()) + wait, wait)
            cache.touch(key, REMEMBERED)
    except (RedisError, ValueError):  # ValueError: the counter ran out between the two
        return


def forget_failures(name: str, address: str) -> None:
    key = _key(name, address)
    try:
        cache.delete_many([key, f"{key}:until"])
    except RedisError:
        return


def _key(name: str, address: str) -> str:
    return "sign-in:" + hashlib.sha256(f"{name.casefold()}\0{address}".encode()).hexdigest()
