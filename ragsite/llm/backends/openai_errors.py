"""From what the openai client raises to our own errors. The provider's words are read here, and go no further."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2
import openai

from ..errors import (
    BadResponse,
    KeyRefused,
    ProviderError,
    ProviderUnavailable,
    QuotaSpent,
    RateLimited,
    RequestRefused,
    TooLarge,
)

# All that a call may end in. Broken JSON is a ValueError, deeply nested JSON a RecursionError.
FAULTS = (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, RecursionError)

QUOTA_CODES = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "insufficient_credits",
}
KEY_CODES = {"invalid_api_key", "account_deactivated", "invalid_authentication", "key_revoked"}
MODEL_CODES = {"model_not_found", "unsupported_model", "deploymentnotfound"}
LENGTH_CODES = {"context_length_exceeded", "string_above_max_length"}
FILTER_CODES = {"content_filter", "content_policy_violation", "responsibleaipolicyviolation"}
SPEAKS_OF_SIZE = re.compile(
    r"too (large|long|many|big)|context (length|window|size|overflow)|batch.?size|\bmax(imum|imal)?\b|at most|max \d"
    r"|exceed|(larg|long|great|bigg)er than|(less|fewer|more) than|limit is|(<=?|>=?|up to) ?\d"
    r"|(reduce|shorten|lower|truncate|split)\b|truncation|out of range|must match the size"
    r"|\binput'? is invalid|\u8d85\u8fc7|\u8d85\u51fa|\u8d85\u957f|\u8fc7\u957f|\u6700\u5927",  # the last in Chinese
    re.IGNORECASE,
)
# A server that is only busy speaks of limits too: there a word must say what is too much.
SPEAKS_OF_INPUT = re.compile(
    r"\b(tokens?|batch|inputs?|context|prompt|texts?|sequence|tensor|documents?|requests? in one)\b",
    re.IGNORECASE,
)
SPEAKS_OF_BUSY = re.compile(
    r"overload|\bbusy\b|temporar|at capacity|(try|retry) again (later|soon|in\b)|please (re)?try( again)?\W*$"
    r"|try again\W*$|model is (currently |still )?loading|still loading",
    re.IGNORECASE,
)
# Whatever else it says, this is about time and not about the text ("context deadline exceeded").
SPEAKS_OF_TIME = re.compile(
    r"deadline|timed? ?out|rate.?limit|\bper (second|minute|hour|day)\b", re.IGNORECASE
)
LONGEST_WAIT = timedelta(days=1)


def translate(error: Exception, *, has_begun: bool = False) -> ProviderError:
    """What the fault means for us. An exception that only passed through the client is raised again as it was."""
    if isinstance(error, ProviderError):
        return error
    _raise_foreign(error)
    if isinstance(error, (openai.APITimeoutError, TimeoutError)):
        return ProviderUnavailable(kind="timeout")
    if isinstance(error, (openai.APIConnectionError, httpx2.HTTPError)):
        return ProviderUnavailable(kind="interrupted" if has_begun else "unreachable")
    if isinstance(error, openai.APIResponseValidationError) or not isinstance(error, openai.APIError):
        return BadResponse(type(error).__name__)
    return _by_answer(error)


def translate_embedding(error: Exception) -> ProviderError:
    """The same for a batch of texts, where a refusal that speaks of size is TooLarge."""
    if isinstance(error, openai.APIStatusError) and _is_about_size(error):
        too_large = TooLarge(_detail(error))
        too_large.too_many = "token" not in _said(error).lower()
        too_large.may_pass = _is_unsure(error)
        return too_large
    return translate(error)


def raise_if_refused(answer: object) -> None:
    """Some gateways send a refusal with status 200: raised as if it had come with the status that it names."""
    if not isinstance(answer, dict) or answer.get("data") or answer.get("embeddings"):
        return
    is_bare = answer.get("object") == "error" or bool({"message", "detail", "status_code"} & answer.keys())
    if said := answer.get("error") or (answer if is_bare else None):
        status = _named_status(said) or _named_status(answer) or 500
        response = httpx2.Response(status, json=answer, request=httpx2.Request("POST", "http://localhost"))
        raise openai.APIStatusError(f"Error code: {status} - {said}", response=response, body=said)


def _named_status(said: object) -> int | None:
    names = ("code", "status", "status_code") if isinstance(said, dict) else ()
    found = (str(said.get(name)) for name in names)  # type: ignore[attr-defined]
    return next((int(value) for value in found if re.fullmatch(r"[45]\d\d", value)), None)


def refused_parameter(error: openai.APIStatusError, sent: Iterable[str]) -> str | None:
    """The one of the optional parameters that the server does not take, if that is what it says."""
    if error.status_code not in (400, 422) or _codes(error) & LENGTH_CODES:
        return None
    said = f"{error.param} {error.message[:500]} {_places(error.body)}"
    return next((name for name in sent if re.search(rf"\b{name}\b", said)), None)


def _raise_foreign(error: Exception) -> None:
    # The client wraps whatever is raised while it waits, a job's time-out too, into a connection error.
    cause = error.__cause__
    ours = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError)
    if isinstance(error, openai.APIConnectionError) and cause is not None and not isinstance(cause, ours):
        raise cause


def _by_answer(error: openai.APIError) -> ProviderError:
    codes, status, detail = _codes(error), _status(error), _detail(error)
    if codes & QUOTA_CODES or status == 402:
        return QuotaSpent(detail)
    if status == 401 or codes & KEY_CODES or (status == 403 and _is_json(error) and not codes & MODEL_CODES):
        return KeyRefused(detail)
    if status == 429 or "rate_limit_exceeded" in codes:
        return RateLimited(detail, not_before=_not_before(error))
    if codes & LENGTH_CODES or "context length" in error.message.lower():
        return RequestRefused(detail, kind="context_length")
    if codes & FILTER_CODES:
        return RequestRefused(detail, kind="content_filter")
    if codes & MODEL_CODES or (status == 404 and _is_its_own_word(error)):
        return RequestRefused(detail, kind="no_such_model")
    if status == 404:
        return ProviderUnavailable(detail, kind="no_such_page", not_before=_not_before(error))
    # 403 without JSON is a gate on the way, not the provider's word about the key.
    if status is None or status in (403, 408, 409, 425) or _is_unsure(error):
        return ProviderUnavailable(
            detail, not_before=_not_before(error), kind="" if status else "interrupted"
        )
    return RequestRefused(detail)


def _is_about_size(error: openai.APIStatusError) -> bool:
    if error.status_code == 413 or _codes(error) & LENGTH_CODES:
        return True
    said = _said(error)
    if error.status_code == 429:  # more tokens at once than the account may send in a minute
        return "too large" in said.lower()
    if error.status_code not in (400, 422, 500) or not _is_json(error) or SPEAKS_OF_TIME.search(said):
        return False
    is_plain = not _is_unsure(error) or SPEAKS_OF_INPUT.search(said)
    return bool(is_plain and SPEAKS_OF_SIZE.search(said))


def _is_unsure(error: openai.APIError) -> bool:
    """Whether the same request may pass later: the server is broken or busy, or it was not the API that answered."""
    if (_status(error) or 0) >= 500:
        return True
    said = _said(error)
    is_busy = SPEAKS_OF_BUSY.search(said) or SPEAKS_OF_TIME.search(said)
    return bool(is_busy) or (isinstance(error, openai.APIStatusError) and not _is_json(error))


def _status(error: openai.APIError) -> int | None:
    if isinstance(error, openai.APIStatusError):
        return error.status_code
    # An error inside a stream has no status; some gateways write it into the code.
    return int(error.code) if error.code and re.fullmatch(r"[45]\d\d", error.code) else None


def _codes(error: openai.APIError) -> set[str]:
    inner = error.body.get("innererror") if isinstance(error.body, dict) else None
    deeper = inner.get("code") if isinstance(inner, dict) else None
    return {str(code).lower() for code in (error.code, error.type, deeper) if code}


def _is_json(error: openai.APIError) -> bool:
    is_named_so = isinstance(error, openai.APIStatusError) and "json" in error.response.headers.get(
        "content-type", ""
    )
    return isinstance(error.body, dict) or (isinstance(error.body, str) and is_named_so)


def _is_its_own_word(error: openai.APIError) -> bool:
    """Whether the API speaks, and not a gateway before it: `{"error": …}`, or a sentence about the model."""
    if not isinstance(error, openai.APIStatusError):
        return True
    try:
        answer = error.response.json()
    except ValueError:
        return False
    is_error = isinstance(answer, dict) and ("error" in answer or answer.get("object") == "error")
    return is_error or (_is_json(error) and "model" in _said(error).lower())


def _said(error: openai.APIError) -> str:
    """The beginning of its sentence. To be read here, never to be kept."""
    inner = error.body if isinstance(error.body, str) and _is_json(error) else ""
    return f"{error.message} {inner}"[:500]


def _detail(error: openai.APIError) -> str:
    """Status and code, as far as they look like ones."""
    code = error.code or error.type or ""
    status = f"HTTP {error.status_code}" if isinstance(error, openai.APIStatusError) else "in the stream"
    is_plain = (
        isinstance(code, str) and re.fullmatch(r"[a-z0-9_]{1,40}", code, re.IGNORECASE) and code[:3] != "sk_"
    )
    return f"{status} {code}" if is_plain else status


def _places(body: object) -> str:
    """Where a validating server (FastAPI) found fault, without the values that it quotes."""
    details = body.get("detail") if isinstance(body, dict) else None
    places = (
        [item.get("loc") for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    )
    return " ".join(str(part) for place in places if isinstance(place, list) for part in place)


def _not_before(error: openai.APIError) -> datetime | None:
    """Retry-After as a time: seconds, milliseconds or a date."""
    if not isinstance(error, openai.APIStatusError):
        return None
    headers, now = error.response.headers, datetime.now(UTC)
    try:
        if wait := headers.get("retry-after-ms"):
            return _after(now, timedelta(milliseconds=float(wait)))
        wait = headers.get("retry-after", "")
        if seconds := re.fullmatch(r"\s*(\d+(\.\d+)?)\s*(s|secs?|seconds?)?\s*", wait):
            return _after(now, timedelta(seconds=float(seconds[1])))
        return _after(now, parsedate_to_datetime(wait) - now) if wait else None
    except (ValueError, TypeError, OverflowError):
        return None


def _after(now: datetime, wait: timedelta) -> datetime:
    return now + min(max(wait, timedelta()), LONGEST_WAIT)
