"""Throttling of sign-in attempts.

An attempt is counted before its password is checked, in one atomic script in Redis: nine concurrent attempts count as
nine. Three counters each allow some free attempts and then impose growing pauses:

- a username from one network (an IPv4 address, or the /64 that an IPv6 visitor owns),
- one network for any usernames: one password tried for many users,
- a username from anywhere: one user's password tried from many addresses.

The last counter alone would let a stranger lock a user out. It therefore does not apply to a network from which the user
signed in before; a browser in which they did has a counter of its own and none of the others; and any other
neighbourhood of networks gets one attempt per MAX_PAUSE. While Redis is unavailable nothing is counted or refused;
`hashing` still bounds the cost.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError

FREE_ATTEMPTS = 5
FREE_ATTEMPTS_PER_NETWORK = 20
FREE_ATTEMPTS_ANYWHERE = 30
FIRST_PAUSE = 15  # seconds; doubles with every further attempt
MAX_PAUSE = 15 * 60
COUNTER_TTL = 3600
KNOWN_NETWORK_TTL = 90 * 24 * 3600

# KEYS: the counters, the flag of a neighbourhood that used its attempt, and the flag of a known network, for which the
# last of several counters is skipped.
SELECT_COUNTERS = """
local count, wait = #KEYS - 2, 0
local anywhere = count > 1 and count or 0
if count > 1 and redis.call('EXISTS', KEYS[#KEYS]) == 1 then count = count - 1 end
"""
REGISTER = f"""{SELECT_COUNTERS}
for i = 1, count do
  local left = tonumber(redis.call('HGET', KEYS[i], 'until') or '0') - ARGV[1]
  if i == anywhere and left > 0 and wait <= 0 and redis.call('SET', KEYS[#KEYS - 1], 1, 'NX', 'EX', ARGV[3]) then left = 0 end
  wait = math.max(wait, left)
end
if wait > 0 then return wait end
for i = 1, count do
  local over = redis.call('HINCRBY', KEYS[i], 'attempts', 1) - ARGV[4 + i]
  if over >= 0 then
    redis.call('HSET', KEYS[i], 'until', ARGV[1] + math.min(ARGV[3], ARGV[2] * 2 ^ math.min(over, 20)))
  end
  redis.call('EXPIRE', KEYS[i], ARGV[4])
end
return 0
"""
# Deletes the user's own counter; in the shared ones, subtracts this one attempt.
RESET = f"""{SELECT_COUNTERS}
redis.call('DEL', KEYS[1])
for i = 2, count do
  if redis.call('EXISTS', KEYS[i]) == 1 and redis.call('HINCRBY', KEYS[i], 'attempts', -1) < tonumber(ARGV[1 + i]) then
    redis.call('HDEL', KEYS[i], 'until')
  end
end
redis.call('SET', KEYS[#KEYS], 1, 'EX', ARGV[1])
"""


@dataclass(frozen=True)
class SignInAttempt:
    """One password for one username, from an IP address and perhaps a browser known by its cookie."""

    username: str
    address: str
    device: str = ""

    def register(self) -> int:
        """Count the attempt and return 0, or return the seconds to wait: its password must not be checked then."""
        now = int(time.time())
        return self._run(REGISTER, now, FIRST_PAUSE, MAX_PAUSE, COUNTER_TTL)

    def mark_successful(self) -> None:
        """Reset the user's counter and remember the network."""
        self._run(RESET, KNOWN_NETWORK_TTL)

    def _run(self, script: str, *values: int) -> int:
        counters = self._counters()
        flags = [
            key_of("neighbourhood", self._key, neighbourhood_of(self.address)),
            key_of("known", self._key, network_of(self.address)),
        ]
        try:
            arguments = [*values, *counters.values()]
            return int(cache.run_script(script, [*counters, *flags], arguments) or 0)  # type: ignore[attr-defined]
        except RedisError:
            return 0

    def _counters(self) -> dict[str, int]:
        network = network_of(self.address)
        if self.device:
            return {key_of("device", self._key, self.device): FREE_ATTEMPTS}
        counters = {key_of("name", self._key, network): FREE_ATTEMPTS}
        if network:  # behind a Unix socket there is no address, and all visitors would share one counter
            counters[key_of("network", network)] = FREE_ATTEMPTS_PER_NETWORK
        return {**counters, key_of("anywhere", self._key): FREE_ATTEMPTS_ANYWHERE}

    @property
    def _key(self) -> str:
        return self.username.casefold()


def network_of(address: str) -> str:
    """Return the network that one visitor owns: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


def neighbourhood_of(address: str) -> str:
    """Return the range that one attacker easily controls: the /24, or the /48 for IPv6."""
    network = network_of(address)
    try:
        found = ipaddress.ip_network(network)
    except ValueError:
        return network
    return str(found.supernet(new_prefix=24 if found.version == 4 else 48))


def key_of(kind: str, *parts: str) -> str:
    """Return the Redis key, hashed so that no username or address is stored."""
    return f"sign-in:{kind}:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()
