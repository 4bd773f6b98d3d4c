"""Parse the retry delay of a response, from the headers or the error message."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MAX_WAIT = timedelta(days=1)
SPAN = re.compile(
    r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)(?![a-z])", re.I
)
SECONDS = {"m": 60.0, "h": 3600.0, "s": 1.0}
IN_WORDS = re.compile(
    r"(?:try again|retry|wait|available|reset)[^.\d]{0,40}?(?:in|after|for)?\s*((?:[\d.]+\s*[a-z]+\s*)+)",
    re.I,
)


def not_before(headers: Mapping[str, str], *, message: str = "", wait: str = "") -> datetime | None:
    """Return when to retry: from Retry-After (seconds, milliseconds, duration or date), else from the body.

    `message` is the error text, `wait` a delay field of the body. None if there is no valid delay.
    """
    now = datetime.now(UTC)
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return _after(now, timedelta(milliseconds=float(milliseconds)))
        header = headers.get("retry-after", "").strip()
        if re.fullmatch(r"[12]\d{9}|[12]\d{12}", header):  # a Unix timestamp in seconds or milliseconds
            return _after(now, datetime.fromtimestamp(int(header[:10]), UTC) - now)
        span = _span(header) or _span(wait)
        if span is None and header:
            date = parsedate_to_datetime(header)
            return _after(now, (date if date.tzinfo else date.replace(tzinfo=UTC)) - now)
        if span is None and (found := IN_WORDS.search(message)):
            span = _span(found[1].strip())
        return None if span is None else _after(now, span)
    except (ValueError, TypeError, OverflowError):
        return None


def _span(text: str) -> timedelta | None:
    """Parse a duration such as `20`, `1.5s`, `250ms` or `6m0s`."""
    text = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=float(text))
    parts = SPAN.findall(text)
    if not parts or not re.match(r"\d", text):
        return None
    return timedelta(seconds=sum(float(number) * _seconds_of(unit.lower()) for number, unit in parts))


def _seconds_of(unit: str) -> float:
    return 0.001 if unit.startswith(("ms", "milli")) else SECONDS[unit[0]]


def _after(now: datetime, wait: timedelta) -> datetime:
    return now + min(max(wait, timedelta()), MAX_WAIT)
