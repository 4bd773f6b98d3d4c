"""A refused key or a spent quota stops every call for a minute, in every process; then one call tries."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import cache
from .errors import KeyRefused, NotConfigured, ProviderError, QuotaSpent, Text
from .provider import Provider, provider

OPEN_SECONDS = 60
KEPT_SECONDS = 3600  # a probe that never comes closes it in the end
PROBE_SECONDS = 60
PROBE_WAIT_SECONDS = 5
ANSWERED_SECONDS = 60
REASONS: dict[str, type[ProviderError]] = {error.kind: error for error in (KeyRefused, QuotaSpent)}


@dataclass(frozen=True)
class Breaker:
    """Why no call is made, and until when."""

    kind: str
    sentence: Text
    remedy: Text
    until: datetime


def breaker() -> Breaker | None:
    """The open breaker of the configured provider, else None. Never raises: every page asks."""
    try:
        entry = cache.recall(_key(provider()))
    except NotConfigured:
        return None
    if not entry or _until(entry) <= datetime.now(UTC):
        return None
    reason = REASONS[entry["kind"]]
    return Breaker(reason.kind, reason.sentence, reason.remedy, _until(entry))


def check(server: Provider) -> None:
    """Raises what opened the breaker while it is open. After that lets one caller through, as a probe."""
    entry = cache.recall(_key(server))
    if not entry:
        return
    if _until(entry) > datetime.now(UTC):
        raise REASONS[entry["kind"]]("breaker is open", not_before=_until(entry))
    if not cache.claim(_probe_key(server), PROBE_SECONDS):
        soon = datetime.now(UTC) + timedelta(seconds=PROBE_WAIT_SECONDS)
        raise REASONS[entry["kind"]]("breaker is being tried", not_before=soon)


def failed(server: Provider, error: ProviderError) -> None:
    """To be told of every failed call: opens the breaker, or gives a probe back. Sets `error.not_before`."""
    if error.kind in REASONS:
        error.not_before = datetime.now(UTC) + timedelta(seconds=OPEN_SECONDS)
        cache.remember(
            _key(server), {"kind": error.kind, "until": error.not_before.timestamp()}, KEPT_SECONDS
        )
    cache.forget(_probe_key(server))


def answered(server: Provider) -> None:
    """To be told of every call that went well: closes the breaker."""
    cache.forget(_key(server), _probe_key(server))
    cache.remember(_answered_key(server), 1, ANSWERED_SECONDS)


def answered_lately(server: Provider) -> bool:
    """True when key and quota are known to be good, so that several requests at once are no risk."""
    return bool(cache.recall(_answered_key(server)))


def _until(entry: dict[str, float]) -> datetime:
    return datetime.fromtimestamp(entry["until"], UTC)


def _key(server: Provider) -> str:
    return f"llm:breaker:{server.fingerprint}"


def _probe_key(server: Provider) -> str:
    return f"llm:probe:{server.fingerprint}"


def _answered_key(server: Provider) -> str:
    return f"llm:answered:{server.fingerprint}"
