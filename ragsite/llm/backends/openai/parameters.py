"""Which request parameter a server rejects, so that the request can be repeated without it."""

import re
from collections.abc import Iterable

import openai

from ragsite.llm.backends.openai.error_details import codes_of, message_of, refusal_of, status_of
from ragsite.llm.backends.openai.error_patterns import (
    EXTRA_FIELDS,
    LENGTH_CODES,
    NO_STREAMING,
    SINGLE_TEXT,
    SYSTEM_MESSAGE,
    UNSUPPORTED,
)

SYSTEM_ROLE = "the system role"
EXTRAS = (
    "stream_options",
    "temperature",
    "max_completion_tokens",
    "max_tokens",
    "encoding_format",
    "dimensions",
)
OTHER_NAMES = {"stream_options": "include_usage|streamoptions", "max_tokens": "maxtokens|max_new_tokens"}


def requires_single_text(error: openai.APIStatusError) -> bool:
    """Whether the server accepts a single text only, and no list."""
    is_request = error.status_code in (400, 422, 500)
    return is_request and bool(SINGLE_TEXT.search(message_of(error)))


def requires_input_type(error: openai.APIStatusError) -> bool:
    """Whether the server requires `input_type`, which tells questions from passages."""
    message = f"{' '.join(refusal_of(error).places)} {message_of(error)}"
    is_request = error.status_code in (400, 422) and re.search(r"input.?type\b", message, re.IGNORECASE)
    return bool(
        is_request and re.search(r"required|missing|must|specif|provide|asymmetric", message, re.IGNORECASE)
    )


def rejected_parameter(error: openai.APIStatusError, sent: Iterable[str]) -> str | None:
    """The optional parameter that the server rejects; None if the error is about something else.

    SYSTEM_ROLE counts as one: some models accept no system message.
    """
    refusal, status = refusal_of(error), status_of(error)
    if status not in (400, 405, 415, 422, 500, 501, None) or codes_of(error) & LENGTH_CODES:
        return None
    message, sent = f"{' '.join(refusal.places)} {refusal.words[:1500]}", list(sent)
    if status not in (400, 422) and not UNSUPPORTED.search(message):
        return None
    if SYSTEM_ROLE in sent and SYSTEM_MESSAGE.search(message) and UNSUPPORTED.search(message):
        return SYSTEM_ROLE
    named = next((name for name in sent if _names(message, name)), None)
    if named is None and "stream" in sent and NO_STREAMING.search(message):
        return "stream"
    if named is None and EXTRA_FIELDS.search(message):  # the message names none: try one after another
        return next((name for name in EXTRAS if name in sent), None)
    return named


def _names(message: str, parameter: str) -> bool:
    if parameter in ("stream", SYSTEM_ROLE):
        return False
    other = OTHER_NAMES.get(parameter)
    return bool(re.search(rf"\b({parameter}{f'|{other}' if other else ''})\b", message, re.IGNORECASE))
