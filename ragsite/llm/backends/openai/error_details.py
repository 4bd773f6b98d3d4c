"""Details of an error response: status, codes and message, in the shapes that different servers use.

A message may contain part of a key or of a document: it is matched against patterns and never stored.
"""

import re
from datetime import datetime

import httpx2
import openai

from ragsite.llm.backends.openai.error_patterns import BUSY, CHANGE_AND_RETRY, TIME_LIMIT
from ragsite.llm.backends.openai.refusals import Refusal, read_refusal, refusal_in
from ragsite.llm.backends.openai.waits import not_before


class ErrorInResponse(openai.APIStatusError):
    """An error in a response with status 200 or in the middle of a stream."""

    def __init__(self, error: object) -> None:
        self.named_status = read_refusal(error).status
        status = self.named_status or 500
        request = httpx2.Request("POST", "http://localhost")
        response = httpx2.Response(status, json=error, request=request)
        super().__init__(f"Error code: {status}", response=response, body=error)


def raise_if_error(answer: object) -> None:
    """Raise an error that a gateway sent with status 200, with the status that it names."""
    if (error := refusal_in(answer)) is not None:
        raise ErrorInResponse(error)


def is_html_page(error: openai.APIError) -> bool:
    """Whether the response is an HTML page of a gateway, whose text is not about the request."""
    media_type = (
        error.response.headers.get("content-type", "") if isinstance(error, openai.APIStatusError) else ""
    )
    return "html" in media_type or "<html" in message_of(error).lower()


def may_pass_later(error: openai.APIError) -> bool:
    """Whether the same request may pass later: the server failed or is busy, or the API did not answer."""
    if (status_of(error) or 0) >= 500:
        return True
    return is_temporary(message_of(error)) or (
        isinstance(error, openai.APIStatusError) and not is_json(error)
    )


def is_temporary(message: str) -> bool:
    is_busy = BUSY.search(message) and not CHANGE_AND_RETRY.search(message)
    return bool(is_busy or TIME_LIMIT.search(message))


def status_of(error: openai.APIError) -> int | None:
    if isinstance(error, ErrorInResponse):
        return error.named_status
    return error.status_code if isinstance(error, openai.APIStatusError) else None


def refusal_of(error: openai.APIError) -> Refusal:
    """The details of the whole body; the client's exception holds its `error` object only."""
    return read_refusal(body_of(error) or error.body)


def body_of(error: openai.APIError) -> object:
    if isinstance(error, ErrorInResponse):
        return error.body
    try:
        return error.response.json() if isinstance(error, openai.APIStatusError) else None
    except (ValueError, RecursionError):
        return None


def codes_of(error: openai.APIError) -> set[str]:
    return refusal_of(error).codes


def is_json(error: openai.APIError) -> bool:
    return isinstance(body_of(error), dict | list | str)


def is_from_api(error: openai.APIError) -> bool:
    """Whether the API answered rather than a gateway: `{"error": …}`, or a message about the model."""
    answer = body_of(error)
    items = answer if isinstance(answer, list) else [answer]
    is_error = any(
        isinstance(item, dict) and ("error" in item or item.get("object") == "error") for item in items
    )
    return is_error or (not is_html_page(error) and "model" in message_of(error).lower())


def message_of(error: openai.APIError) -> str:
    """The beginning of the message, and the codes. For matching only, never to be stored."""
    refusal = refusal_of(error)
    return f"{refusal.words[:600]} {' '.join(sorted(refusal.codes))}"


def detail_of(error: openai.APIError) -> str:
    """Status and code for logs; anything that does not look like a code is omitted."""
    status = f"HTTP {error.status_code}" if isinstance(error, openai.APIStatusError) else "in the stream"
    if isinstance(error, ErrorInResponse) and not error.named_status:
        status = "in the answer"
    plain = [code for code in (error.code, error.type, *sorted(codes_of(error))) if _is_plain(code)]
    return f"{status} {plain[0]}" if plain else status


def _is_plain(code: object) -> bool:
    is_word = isinstance(code, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,39}", code, re.IGNORECASE)
    return bool(is_word) and not str(code).startswith("sk_")


def retry_time_of(error: openai.APIError) -> datetime | None:
    if not isinstance(error, openai.APIStatusError):
        return None
    refusal = refusal_of(error)
    return not_before(error.response.headers, message=refusal.words, wait=refusal.wait)
