"""A refused key or a spent quota stops every call to a server for a minute, in every process; then one call tries."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ragsite.llm import cache
from ragsite.llm.errors import KeyRefused, NotConfigured, ProviderError, QuotaSpent, Text
from ragsite.llm.provider import Provider, embedding_provider, provider

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
    host: str


def breaker() -> Breaker | None:
    """The open breaker of the provider that writes answers, else None. Never raises: every page asks."""
    return _breaker(provider)


def embedding_breaker() -> Breaker | None:
    """The open breaker of the provider of embeddings, which may be the same, else None. Never raises."""
    return _breaker(embedding_provider)


def breakers() -> list[Breaker]:
    """Every open breaker, once."""
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
    """Raises what opened the breaker while it is open. After that lets one caller through, as a probe."""
    entry = cache.recall(_key(server))
    if not entry:
        return
    if _until(entry) > datetime.now(UTC):
        raise _reason(server, entry["kind"], "breaker is open", _until(entry))
    if not cache.claim(_probe_key(server), PROBE_SECONDS):
        soon = datetime.now(UTC) + timedelta(seconds=PROBE_WAIT_SECONDS)
        raise _reason(server, entry["kind"], "breaker is being tried", soon)


def record_failure(server: Provider, error: ProviderError) -> None:
    """To be told of every failed call: opens the breaker, or gives a probe back. Sets `error.not_before`."""
    _name_key(server, error)
    if error.kind in REASONS:
        error.not_before = datetime.now(UTC) + timedelta(seconds=OPEN_SECONDS)
        cache.remember(
            _key(server), {"kind": error.kind, "until": error.not_before.timestamp()}, KEPT_SECONDS
        )
    cache.forget(_probe_key(server))


def record_success(server: Provider) -> None:
    """To be told of every call that went well: closes the breaker."""
    cache.forget(_key(server), _probe_key(server))
    cache.remember(_answered_key(server), 1, ANSWERED_SECONDS)


def answered_recently(server: Provider) -> bool:
    """True when key and quota are known to be good, so that several requests at once are no risk."""
    return bool(cache.recall(_answered_key(server)))


def _reason(server: Provider, kind: str, detail: str, not_before: datetime | None = None) -> ProviderError:
    reason = REASONS[kind](detail, not_before=not_before)
    _name_key(server, reason)
    return reason


def _name_key(server: Provider, error: ProviderError) -> None:
    """Where embeddings have a key of their own, that is the one to be looked at."""
    if isinstance(error, KeyRefused) and server.key_name != "OPENAI_API_KEY":
        error.remedy = format_lazy(
            _("Set a valid {name} and restart; waiting work goes on by itself."), name=server.key_name
        )


def _until(entry: dict[str, float]) -> datetime:
    return datetime.fromtimestamp(entry["until"], UTC)


def _key(server: Provider) -> str:
    return f"llm:breaker:{server.fingerprint}"


def _probe_key(server: Provider) -> str:
    return f"llm:probe:{server.fingerprint}"


def _answered_key(server: Provider) -> str:
    return f"llm:answered:{server.fingerprint}"
