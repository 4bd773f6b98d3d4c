"""Translate errors of the openai client into ProviderError. The provider's own message goes no further."""

import re

import httpx2
import openai

from ragsite.llm.backends.openai.error_details import (
    codes_of,
    detail_of,
    is_from_api,
    is_html_page,
    is_json,
    is_temporary,
    may_pass_later,
    message_of,
    retry_time_of,
    status_of,
)
from ragsite.llm.backends.openai.error_patterns import (
    ACCESS_CODES,
    BILLING,
    CONTENT_FILTER,
    CONTEXT_LENGTH,
    FILTER_CODES,
    INPUT,
    INVALID_KEY,
    KEY_CODES,
    LENGTH_CODES,
    MODEL_CODES,
    NO_EMBEDDINGS,
    PERMISSIONS,
    QUOTA_CODES,
    REGION,
    REGION_CODES,
    SIZE_LIMIT,
    SUSPENDED,
    TIME_LIMIT,
    UNKNOWN_MODEL,
    UNKNOWN_PATH,
)
from ragsite.llm.errors import (
    AccessRefused,
    BadResponse,
    KeyRefused,
    NotConfigured,
    ProviderError,
    ProviderUnavailable,
    QuotaSpent,
    RateLimited,
    RequestRefused,
    TooLarge,
)

# All that a call may raise. Invalid JSON is a ValueError, deeply nested JSON a RecursionError.
FAULTS = (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, RecursionError)


def translate(error: Exception, *, has_begun: bool = False) -> ProviderError:
    """The ProviderError for an exception of the client. A foreign exception that the client wrapped is raised again."""
    if isinstance(error, ProviderError):
        return error
    _raise_foreign_cause(error)
    if isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException, TimeoutError)):
        return ProviderUnavailable(kind="timeout")
    if isinstance(error, (openai.APIConnectionError, httpx2.HTTPError)):
        return ProviderUnavailable(kind="interrupted" if has_begun else "unreachable")
    if isinstance(error, openai.APIResponseValidationError) or not isinstance(error, openai.APIError):
        return BadResponse(type(error).__name__)
    return _from_response(error, has_begun=has_begun)


def translate_embedding(error: Exception) -> ProviderError:
    """The same for a batch of texts: an error about size becomes TooLarge."""
    if isinstance(error, openai.APIStatusError) and NO_EMBEDDINGS.search(message_of(error)):
        return NotConfigured(detail_of(error), kind="no_embeddings")
    if isinstance(error, openai.APIStatusError) and _is_about_size(error):
        too_large = TooLarge(detail_of(error))
        too_large.has_too_many_texts = "token" not in message_of(error).lower()
        too_large.may_pass = may_pass_later(error)
        return too_large
    return translate(error)


def _raise_foreign_cause(error: Exception) -> None:
    # The client wraps any exception raised while it waits, such as a job's time-out, in a connection error.
    cause = error.__cause__
    ours = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError)
    if isinstance(error, openai.APIConnectionError) and cause is not None and not isinstance(cause, ours):
        raise cause


def _from_response(error: openai.APIError, *, has_begun: bool) -> ProviderError:
    codes, status, detail = codes_of(error), status_of(error), detail_of(error)
    message = message_of(error)
    if codes & QUOTA_CODES or status == 402 or (status != 404 and BILLING.search(message)):
        return QuotaSpent(detail)
    if refusal := _from_codes_and_message(error, codes, status, message):
        return refusal
    is_about_key = not message.strip() or PERMISSIONS.search(message)
    if status == 401 or codes & KEY_CODES or (status == 403 and is_json(error) and is_about_key):
        return KeyRefused(detail)
    if status == 403 and is_json(error):
        return AccessRefused(detail)
    if status == 429 or (codes & {"rate_limit_exceeded", "rate_limit_error"} and status != 413):
        return RateLimited(detail, not_before=retry_time_of(error))
    if status in (301, 302, 303, 307, 308, 404, 405, 410) or UNKNOWN_PATH.search(message):
        return ProviderUnavailable(detail, kind="no_such_page", not_before=retry_time_of(error))
    # A 403 without JSON comes from a gateway and says nothing about the key.
    if status is None or status in (403, 408, 409, 425, 498, 499) or may_pass_later(error):
        broke_off = status is None and has_begun
        return ProviderUnavailable(
            detail, not_before=retry_time_of(error), kind="interrupted" if broke_off else ""
        )
    return RequestRefused(detail)


def _from_codes_and_message(
    error: openai.APIError, codes: set[str], status: int | None, message: str
) -> ProviderError | None:
    """The error that codes or message name; None if they name none."""
    detail = detail_of(error)
    is_request = status in (400, 403, 404, 422, None) and not is_html_page(error)
    if codes & REGION_CODES or status == 451 or (is_request and REGION.search(message)):
        return AccessRefused(detail, kind="region")
    if codes & FILTER_CODES or (is_request and CONTENT_FILTER.search(message)):
        return RequestRefused(detail, kind="content_filter")
    if codes & ACCESS_CODES or (is_request and status != 404 and SUSPENDED.search(message)):
        return AccessRefused(detail)
    is_busy = is_temporary(message)
    is_about_length = not is_busy and (
        (is_request and CONTEXT_LENGTH.search(message))
        or re.search("context (length|size|window)", message, re.IGNORECASE)
    )
    if codes & LENGTH_CODES or status == 413 or is_about_length or _exceeds_rate_limit_alone(status, message):
        return RequestRefused(detail, kind="context_length")
    if is_request and status != 404 and INVALID_KEY.search(message):
        return KeyRefused(detail)
    is_about_model = codes & MODEL_CODES or (is_request and not is_busy and UNKNOWN_MODEL.search(message))
    is_page = status == 404 and UNKNOWN_PATH.search(message)
    if is_about_model or (status == 404 and not is_page and is_from_api(error)):
        return RequestRefused(detail, kind="no_such_model")
    return None


def _exceeds_rate_limit_alone(status: int | None, message: str) -> bool:
    """A single request above the rate limit will not pass later either."""
    return status == 429 and bool(
        re.search(r"(request|prompt|input) (is )?too large", message, re.IGNORECASE)
    )


def _is_about_size(error: openai.APIStatusError) -> bool:
    if error.status_code == 413 or codes_of(error) & LENGTH_CODES:
        return True
    message = message_of(error)
    if codes_of(error) & (QUOTA_CODES | KEY_CODES | MODEL_CODES) or BILLING.search(message):
        return False
    if error.status_code == 429:  # more tokens than the rate limit per minute
        return "too large" in message.lower()
    if error.status_code not in (400, 422, 500) or is_html_page(error) or TIME_LIMIT.search(message):
        return False
    is_plain = not may_pass_later(error) or INPUT.search(message)
    return bool(is_plain and SIZE_LIMIT.search(message))
