"""Parse error bodies of any shape: string, object, list, nested objects, JSON inside a JSON string."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

WORDS = frozenset(
    [
        "message",
        "msg",
        "detail",
        "details",
        "error",
        "errors",
        "error_message",
        "error_msg",
        "errormessage",
        "errormsg",
        "error_description",
        "status_msg",
        "description",
        "title",
        "reason",
        "cause",
        "raw",
    ]
)
CODES = frozenset(["code", "type", "status", "reason", "error_code", "errorcode", "kind", "__type", "error"])
PLACES = frozenset(["param", "parameter", "loc", "field", "property"])
AROUND = frozenset(
    [
        "metadata",
        "innererror",
        "inner_error",
        "body",
        "data",
        "response",
        "fieldviolations",
        "error_details",
        "base_resp",
    ]
)
STATUSES = frozenset(["code", "status", "status_code", "statuscode", "http_status", "error_code"])
# States of an answer that is still being made, not errors.
WAITING = ("queued", "pending", "starting", "processing", "in_progress")
MAX_SENTENCE_LENGTH = 600
MAX_SENTENCES = 8
MAX_DEPTH = 8


@dataclass
class Refusal:
    """A parsed error. Never stored: a server's message may contain part of a key or of a document."""

    sentences: list[str] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    places: list[str] = field(default_factory=list)
    status: int | None = None
    wait: str = ""  # retry delay, if the body has one

    @property
    def words(self) -> str:
        return " ".join(self.sentences)


def read_refusal(body: object) -> Refusal:
    """Return the messages, codes and parameter names. Quotes of the request by a validator are left out."""
    refusal = Refusal()
    _read(body, "error", refusal, MAX_DEPTH)
    return refusal


def refusal_in(answer: object) -> object | None:
    """Return the error in an answer with status 200 or in a chunk of a stream, or None."""
    if isinstance(answer, list):
        found = [item for item in answer if isinstance(item, dict) and item.get("error")]
        return found or None
    if not isinstance(answer, dict):
        return None
    if error := answer.get("error") or _error_of_choice(answer):
        return answer if isinstance(error, str | bool) else {**answer, "error": error}
    has_answer = any(answer.get(name) is not None for name in ("choices", "data", "embeddings"))
    if has_answer or answer.get("status") in WAITING:
        return None
    is_named = answer.get("object") == "error" or answer.get("type") in ("error", "exception")
    is_failure = answer.get("status") in ("error", "failed") or answer.get("success") is False
    is_failure = is_failure or _fails_inside(answer.get("base_resp"))
    is_bare = bool({"detail", "errors", "error_message", "error_msg", "status_code"} & answer.keys()) or (
        isinstance(answer.get("message", answer.get("msg")), str) and bool({"code", "status"} & answer.keys())
    )
    is_message = set(answer) == {"message"}
    return answer if is_named or is_failure or is_bare or is_message else None


def _fails_inside(base: object) -> bool:
    """MiniMax reports errors as a status code other than 0."""
    return isinstance(base, dict) and bool(base.get("status_code"))


def _error_of_choice(answer: dict[str, Any]) -> object:
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first.get("error") if isinstance(first, dict) else None


def _read(value: object, key: str, into: Refusal, depth: int) -> None:
    if depth == 0:
        return
    if isinstance(value, dict):
        for given, inner in list(value.items())[:50]:
            name = str(given).lower()
            if name in ("retrydelay", "retry_after"):
                into.wait = into.wait or str(inner)[:40]
            elif name in WORDS | CODES | PLACES | AROUND | STATUSES:
                _read(inner, name, into, depth - 1)
    elif isinstance(value, list):
        for inner in value[:20]:
            _read(inner, key, into, depth - 1)
    elif isinstance(value, str):
        _read_text(value.strip(), key, into, depth)
    elif isinstance(value, int) and key in STATUSES | PLACES:
        _read_text(str(value), key, into, depth)


def _read_text(text: str, key: str, into: Refusal, depth: int) -> None:
    if key in STATUSES and re.fullmatch(r"[45]\d\d", text):
        into.status = into.status or int(text)
    if key in CODES and re.fullmatch(r"[\w.:/#-]{1,80}", text):
        into.codes.add(text.lower())
    if key in PLACES:
        into.places.append(text[:80])
    elif text[:1] in "{[" and text and (inner := _parsed(text)) is not None:
        _read(inner, key, into, depth - 1)
    elif key in WORDS and not text.startswith("<") and len(into.sentences) < MAX_SENTENCES:
        into.sentences.append(text[:MAX_SENTENCE_LENGTH])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text[:20_000])
    except (ValueError, RecursionError):
        return None
