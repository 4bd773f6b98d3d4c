"""How often a name was tried with a wrong password from one address. With Redis away nobody is counted and nobody kept out."""

from __future__ import annotations

import hashlib
import time

from django.core.cache import cache
from redis.exceptions import RedisError

FREE_FAILURES = 5
FREE_FAILURES_ANYWHERE = 30  # of one name, from whatever addresses: a header may name any
FIRST_WAIT = 15  # seconds; doubles with every further failure
LONGEST_WAIT = 15 * 60
REMEMBERED = 3600
ANYWHERE = "anywhere"


def seconds_to_wait(name: str, address: str) -> int:
    try:
        times = cache.get_many([f"{_key(name, place)}:until" for place in (address, ANYWHERE)]).values()
    except RedisError:
        return 0
    return max(0, round(max(times) - time.time())) if times else 0


def note_failure(name: str, address: str) -> None:
    _count(_key(name, address), FREE_FAILURES)
    _count(_key(name, ANYWHERE), FREE_FAILURES_ANYWHERE)


def _count(key: str, free: int) -> None:
    try:
        cache.add(key, 0, REMEMBERED)
        failures = cache.incr(key)
        if failures >= free:
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failures - free, 10))
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
