"""A circuit breaker for each provider: a rejected key or used-up quota stops all calls for a minute, then one call probes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ragsite.llm import cache
from ragsite.llm.errors import KeyRefused, NotConfigured, ProviderError, QuotaSpent, Text
from ragsite.llm.provider import Provider, embedding_provider, provider

OPEN_SECONDS = 60
KEPT_SECONDS = 3600  # closes the breaker if no probe ever runs
PROBE_SECONDS = 60
PROBE_WAIT_SECONDS = 5
ANSWERED_SECONDS = 60
RECORD_SECONDS = 5
REASONS: dict[str, type[ProviderError]] = {error.kind: error for error in (KeyRefused, QuotaSpent)}


@dataclass(frozen=True)
class Breaker:
    """An open breaker: why calls are stopped, and until when."""

    kind: str
    sentence: Text
    remedy: Text
    until: datetime
    host: str


def breaker() -> Breaker | None:
    """The open breaker of the chat provider, or None. Never raises, because every page calls it."""
    return _breaker(provider)


def embedding_breaker() -> Breaker | None:
    """The open breaker of the embedding provider, which may be the same, or None. Never raises."""
    return _breaker(embedding_provider)


def breakers() -> list[Breaker]:
    """All open breakers, without duplicates."""
    found = [_breaker(provider), _breaker(embedding_provider)]
    return list({(opened.host, opened.until): opened for opened in found if opened}.values())


def _breaker(find: Callable[[], Provider]) -> Breaker | None:
    try:
        server = find()
    except NotConfigured:
        return None
    entry = cache.recall(_key(server))
    if not entry or _until(entry) <= datetime.now(UTC):
        return None
    reason = _reason(server, entry["kind"], "")
    return Breaker(reason.kind, reason.sentence, reason.remedy, _until(entry), server.host)


def check(server: Provider) -> None:
    """Raise the error that opened the breaker. When its time is over, let one caller through as a probe."""
    [entry] = cache.recall_lately(_key(server))
    if not entry:
        return
    if _until(entry) > datetime.now(UTC):
        raise _reason(server, entry["kind"], "breaker is open", _until(entry))
    if not cache.claim(_probe_key(server), PROBE_SECONDS):
        soon = datetime.now(UTC) + timedelta(seconds=PROBE_WAIT_SECONDS)
        raise _reason(server, entry["kind"], "breaker is being probed", soon)


def record_failure(server: Provider, error: ProviderError) -> None:
    """Record a failed call: open the breaker and set `error.not_before`, or release the probe."""
    _name_key(server, error)
    if error.kind in REASONS:
        error.not_before = datetime.now(UTC) + timedelta(seconds=OPEN_SECONDS)
        cache.remember(
            _key(server), {"kind": error.kind, "until": error.not_before.timestamp()}, KEPT_SECONDS
        )
    cache.forget(_probe_key(server))


def record_success(server: Provider) -> None:
    """Record a successful call: close the breaker. While nothing changes, a process does so every RECORD_SECONDS."""
    is_recorded = cache.seconds_left(_answered_key(server)) > ANSWERED_SECONDS - RECORD_SECONDS
    if is_recorded and not any(cache.recall_lately(_key(server), _probe_key(server))):
        return
    cache.forget(_key(server), _probe_key(server))
    cache.remember(_answered_key(server), 1, ANSWERED_SECONDS)


def answered_recently(server: Provider) -> bool:
    """Whether key and quota have worked within the last minute."""
    return bool(cache.recall(_answered_key(server)))


def any_answered_recently() -> bool:
    """Whether one of the providers has worked within the last minute. Never raises."""
    return any(map(_answered, (provider, embedding_provider)))


def _answered(find: Callable[[], Provider]) -> bool:
    try:
        return answered_recently(find())
    except NotConfigured:
        return False


def _reason(server: Provider, kind: str, detail: str, not_before: datetime | None = None) -> ProviderError:
    reason = REASONS[kind](detail, not_before=not_before)
    _name_key(server, reason)
    return reason


def _name_key(server: Provider, error: ProviderError) -> None:
    """Name in the remedy where this key is set."""
    if not isinstance(error, KeyRefused):
        return
    if not server.key_name:
        error.remedy = _(
            "Enter a valid key on the page “Language model”; waiting jobs then resume automatically."
        )
    elif server.key_name != "OPENAI_API_KEY":
        error.remedy = format_lazy(
            _("Set a valid {name} and restart; waiting jobs then resume automatically."), name=server.key_name
        )


def _until(entry: dict[str, float]) -> datetime:
    return datetime.fromtimestamp(entry["until"], UTC)


def _key(server: Provider) -> str:
    return f"llm:breaker:{server.fingerprint}"


def _probe_key(server: Provider) -> str:
    return f"llm:probe:{server.fingerprint}"


def _answered_key(server: Provider) -> str:
    return f"llm:answered:{server.fingerprint}"
