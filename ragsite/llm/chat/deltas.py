"""Parse one chunk of an answer, in any of the formats that servers use."""

import re
from dataclasses import dataclass
from typing import Any

from ragsite.storable import storable_text

MAX_REASON_LENGTH = 40  # as Question.finish_reason
THOUGHT_FIELDS = (
    "reasoning_content", "reasoning", "reasoning_text", "thinking", "thinking_content", "thought", "thoughts"
)  # fmt: skip
THOUGHT_KINDS = re.compile("thinking|reasoning|thought")

# Reasons are compared by their lower-case letters only: servers write STOP, end_turn or endTurn for the same reason.
NORMAL = frozenset(
    [
        "stop",
        "stopped",
        "stopsequence",
        "stoptoken",
        "eos",
        "eostoken",
        "eot",
        "endofturn",
        "endturn",
        "endoftext",
        "end",
        "complete",
        "completed",
        "done",
        "finish",
        "finished",
        "normal",
        "success",
        "imend",
        "eotid",
        "s",
        "endofsentence",
    ]
)
REASONS = {
    "length": re.compile("length|max|limit|budget|truncat|windowexceeded|contextwindow"),
    "content_filter": re.compile(
        "filter|safety|recitation|prohibit|blocklist|spii|toxic|moderat|sensitive|guardrail|blocked"
    ),
    "refusal": re.compile("refus"),
    "error": re.compile(
        "error|abort|cancel|timeout|interrupt|preempt|insufficient|fail|disconnect|pause|malformed|unexpected|^other$|^language$|^user"
    ),
    "tool_calls": re.compile("tool|functioncall"),
    "stop": re.compile("stop|eos"),  # stopStringFound, eosFound
}


@dataclass(frozen=True)
class Delta:
    """The text and reasoning of a chunk."""

    text: str = ""
    thinking: str = ""
    is_refusal: bool = False
    called: int = 0  # characters of tool calls
    is_message: bool = False  # a whole message, which may repeat earlier text


def read_delta(choice: dict[str, Any]) -> Delta:
    """Return the text and reasoning of a choice, from a chunk or a whole answer; empty if it has none."""
    delta, message = choice.get("delta"), choice.get("message")
    part = delta or message
    if not isinstance(part, dict):
        return Delta(_string(choice.get("text")) or _string(part))
    text, thinking = _content(part.get("content"))
    if not text:
        text = _string(part.get("text"))
    aside = next((found for name in THOUGHT_FIELDS if (found := _string(part.get(name)))), "")
    aside = aside or _details(part.get("reasoning_details"))
    if _is_marked_as_thought(part):
        text, thinking = "", text + thinking
    refusal = _string(part.get("refusal"))
    calls = part.get("tool_calls") or part.get("function_call")
    is_refusal = bool(refusal) or _has_refusal(part.get("content"))
    called = len(str(calls)) if calls else 0
    return Delta(text or refusal, aside + thinking, is_refusal, called, is_message=not delta)


def read_reason(choice: dict[str, Any]) -> str:
    """Return the finish reason, normalized to OpenAI's values; empty if it is missing or unknown."""
    details = choice.get("finish_details")
    reason = next(
        (
            found
            for value in (
                choice.get("finish_reason"),
                choice.get("finishReason"),
                choice.get("stop_reason"),
                details,
            )
            if (found := _named(value))
        ),
        "",
    )
    letters = re.sub(r"[^a-z]", "", reason.lower()).removeprefix("finishreason")
    if letters in NORMAL:
        return "stop"
    return next((name for name, pattern in REASONS.items() if pattern.search(letters)), "")


def _named(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("type") or value.get("reason")
    return storable_text(_string(value)[:MAX_REASON_LENGTH])


def _content(content: object) -> tuple[str, str]:
    """Return the text and reasoning of a content that is a string, one part, or a list of parts."""
    if isinstance(content, str):
        return content, ""
    parts = content if isinstance(content, list) else [content]
    text: list[str] = []
    thinking: list[str] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict):
            is_thought = bool(THOUGHT_KINDS.search(_string(part.get("type"))))
            (thinking if is_thought else text).append(_text_of_part(part))
    return "".join(text), "".join(thinking)


def _has_refusal(content: object) -> bool:
    parts = content if isinstance(content, list) else [content]
    return any(isinstance(part, dict) and part.get("type") == "refusal" for part in parts)


def _text_of_part(part: dict[str, Any]) -> str:
    for name in ("text", "content", "refusal", *THOUGHT_FIELDS):
        value = part.get(name)
        if isinstance(value, dict):  # {"text": {"value": …}}
            value = value.get("value")
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return "".join(_content(value))
    return ""


def _details(details: object) -> str:
    items = details if isinstance(details, list) else []
    return "".join(
        _string(item.get("text") or item.get("summary")) for item in items if isinstance(item, dict)
    )


def _is_marked_as_thought(part: dict[str, Any]) -> bool:
    """Whether the whole part is reasoning: Gemini sets a flag, other servers a channel."""
    extra = part.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    is_thought = isinstance(google, dict) and google.get("thought") is True
    return is_thought or part.get("channel") in ("analysis", "commentary") or part.get("thought") is True


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
