"""How many passwords may be tried, by whom.

A try is counted before its password is looked at, in one step on the cache's server: nine at once are nine. What is
counted, with growing pauses once it is used up:

- tries for a name from one network (an IPv4 address, or the /64 that an IPv6 visitor owns),
- tries from one network for whatever names: one password for many people,
- tries for a name from anywhere: one person's password from many addresses.

The last would let a stranger keep a person out for good. So it does not count for a network from which that person
signed in before; a browser in which they did has a counter of its own and none of the others; and from elsewhere one try
is let pass each MAX_PAUSE for a neighbourhood of networks, where a person is alone and a stranger has few. With Redis
away nobody is counted and nobody kept out; `hashing` still bounds what that can cost.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError

FREE_TRIES = 5
FREE_TRIES_OF_NETWORK = 20
FREE_TRIES_ANYWHERE = 30
FIRST_PAUSE = 15  # seconds; doubles with every further try
MAX_PAUSE = 15 * 60
REMEMBERED = 3600
KNOWN_FOR = 90 * 24 * 3600

# Keys: the counters, the mark of a neighbourhood that has had its try, and the mark of a known network, for which the
# last of several counters is left out.
COUNTED = """
local count, wait = #KEYS - 2, 0
local anywhere = count > 1 and count or 0
if count > 1 and redis.call('EXISTS', KEYS[#KEYS]) == 1 then count = count - 1 end
"""
BEGIN = f"""{COUNTED}
for i = 1, count do
  local left = tonumber(redis.call('HGET', KEYS[i], 'until') or '0') - ARGV[1]
  if i == anywhere and left > 0 and wait <= 0 and redis.call('SET', KEYS[#KEYS - 1], 1, 'NX', 'EX', ARGV[3]) then left = 0 end
  wait = math.max(wait, left)
end
if wait > 0 then return wait end
for i = 1, count do
  local over = redis.call('HINCRBY', KEYS[i], 'tries', 1) - ARGV[4 + i]
  if over >= 0 then
    redis.call('HSET', KEYS[i], 'until', ARGV[1] + math.min(ARGV[3], ARGV[2] * 2 ^ math.min(over, 20)))
  end
  redis.call('EXPIRE', KEYS[i], ARGV[4])
end
return 0
"""
# The first counter was this person's; in the others only this one try is taken back.
FORGIVE = f"""{COUNTED}
redis.call('DEL', KEYS[1])
for i = 2, count do
  if redis.call('EXISTS', KEYS[i]) == 1 and redis.call('HINCRBY', KEYS[i], 'tries', -1) < tonumber(ARGV[1 + i]) then
    redis.call('HDEL', KEYS[i], 'until')
  end
end
redis.call('SET', KEYS[#KEYS], 1, 'EX', ARGV[1])
"""


@dataclass(frozen=True)
class Try:
    """One password for one name, from an address, perhaps in a browser that is known by its cookie."""

    name: str
    address: str
    device: str = ""

    def begin(self) -> int:
        """Count it; 0, or how many seconds to wait: then it was not counted, and its password must not be looked at."""
        now = int(time.time())
        return self._run(BEGIN, now, FIRST_PAUSE, MAX_PAUSE, REMEMBERED)

    def succeeded(self) -> None:
        """The password was right: what was counted against the person is forgotten, and the network is known."""
        self._run(FORGIVE, KNOWN_FOR)

    def _run(self, script: str, *values: int) -> int:
        counters = self._counters()
        marks = [
            key_of("neighbourhood", self._name, neighbourhood_of(self.address)),
            key_of("known", self._name, network_of(self.address)),
        ]
        try:
            arguments = [*values, *counters.values()]
            return int(cache.run_script(script, [*counters, *marks], arguments) or 0)  # type: ignore[attr-defined]
        except RedisError:
            return 0

    def _counters(self) -> dict[str, int]:
        network = network_of(self.address)
        if self.device:
            return {key_of("device", self._name, self.device): FREE_TRIES}
        counters = {key_of("name", self._name, network): FREE_TRIES}
        if network:  # behind a socket nobody has an address: all would share one counter
            counters[key_of("network", network)] = FREE_TRIES_OF_NETWORK
        return {**counters, key_of("anywhere", self._name): FREE_TRIES_ANYWHERE}

    @property
    def _name(self) -> str:
        return self.name.casefold()


def network_of(address: str) -> str:
    """What one visitor owns of the addresses: an IPv4 address, or the /64 around one of IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


def neighbourhood_of(address: str) -> str:
    """The networks around, most of which one stranger easily has: the /24, of IPv6 the /48."""
    network = network_of(address)
    try:
        found = ipaddress.ip_network(network)
    except ValueError:
        return network
    return str(found.supernet(new_prefix=24 if found.version == 4 else 48))


def key_of(kind: str, *parts: str) -> str:
    """Names and addresses stay out of Redis."""
    return f"sign-in:{kind}:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()
