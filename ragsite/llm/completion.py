"""What a chat model says: read chunk by chunk, thinking kept apart, complete only when it says so."""

from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from .errors import BadResponse
from .usage import NOT_SAID, Usage, read_usage


class Message(TypedDict):
    """role is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True)
class Completion:
    """A whole answer, or as much of it as came. `text` is what counts, whatever the pieces said before."""

    text: str
    finish_reason: str
    model: str
    host: str
    usage: Usage = NOT_SAID
    thinking: str = ""

    @property
    def is_complete(self) -> bool:
        """Only `stop` is: a cut-off, filtered or quietly ended answer must be shown as such and never cached."""
        return self.finish_reason == "stop"


@dataclass(frozen=True)
class Piece:
    """A part of an answer as it comes. The last one has no text but the completion.

    `takes_back`: all text before this piece turns out to have been thinking, and is no part of the answer.
    """

    text: str = ""
    thinking: str = ""
    takes_back: bool = False
    completion: Completion | None = None


class ThinkingSplitter:
    """Parts text from what stands in <think> tags, even where a tag is split over several tokens."""

    TAGS = ("<think>", "</think>", "<thinking>", "</thinking>")

    def __init__(self) -> None:
        self._held = ""
        self._is_thinking = False
        self.has_stray_end = False

    def feed(self, token: str) -> tuple[str, str]:
        """(text, thinking) that are certain by now."""
        self._held += token
        text: list[str] = []
        thinking: list[str] = []
        while tag := self._next_tag():
            before, self._held = self._held[: tag[0]], self._held[tag[0] + len(tag[1]) :]
            (thinking if self._is_thinking else text).append(before)
            is_end = tag[1].startswith("</")
            if is_end and not self._is_thinking:
                self.has_stray_end = True
                thinking, text = text + thinking, []
            self._is_thinking = not is_end
        certain = self._release(self._open_tag_length())
        (thinking if self._is_thinking else text).append(certain)
        return "".join(text), "".join(thinking)

    def flush(self) -> tuple[str, str]:
        """What was held back at the end of the answer."""
        rest = self._release(0)
        return ("", rest) if self._is_thinking else (rest, "")

    def _next_tag(self) -> tuple[int, str] | None:
        lowered = self._held.lower()
        return min(((at, tag) for tag in self.TAGS if (at := lowered.find(tag)) >= 0), default=None)

    def _open_tag_length(self) -> int:
        """How many characters at the end may be the beginning of a tag."""
        start = self._held.rfind("<")
        end = self._held[start:].lower()
        return len(end) if start >= 0 and any(tag.startswith(end) for tag in self.TAGS) else 0

    def _release(self, kept: int) -> str:
        cut = len(self._held) - kept
        released, self._held = self._held[:cut], self._held[cut:]
        return released


@dataclass
class AnswerReader:
    """Turns a provider's chunks (plain JSON values, as odd as they may be) into pieces and, at the end, the completion."""

    model: str
    host: str
    usage: Usage = NOT_SAID
    finish_reason: str = ""
    has_begun: bool = False
    _has_choice: bool = False
    _splitter: ThinkingSplitter = field(default_factory=ThinkingSplitter)
    _text: list[str] = field(default_factory=list)
    _thinking: list[str] = field(default_factory=list)

    def feed(self, chunk: Any) -> Piece | None:
        """The piece in the chunk, if there is one."""
        if not isinstance(chunk, dict):
            raise BadResponse("chunk is no object")
        if isinstance(chunk.get("usage"), dict):
            self.usage = read_usage(chunk["usage"])
        choice = _first(chunk.get("choices"))
        if not choice:
            return None  # usage alone, or a sign of life
        self._has_choice = True
        self.finish_reason = _string(choice.get("finish_reason")) or self.finish_reason
        part = choice.get("delta") or choice.get("message")
        return self._read(part) if isinstance(part, dict) else None

    def finish(self) -> tuple[Piece | None, Completion]:
        """To be called at a clean end: what was held back, and the completion. BadResponse where nothing was said."""
        last = self._keep(*self._splitter.flush())
        completion = self.completion()
        says_nothing = not completion.text.strip()
        if not self._has_choice:
            raise BadResponse("no choices")
        if says_nothing and (completion.is_complete or not (self.finish_reason or completion.thinking)):
            raise BadResponse("no text", kind="empty_answer")
        return last, completion

    def completion(self) -> Completion:
        """What has been read so far."""
        text, thinking = "".join(self._text).strip(), "".join(self._thinking).strip()
        return Completion(text, self.finish_reason, self.model, self.host, self.usage, thinking)

    def _read(self, part: dict[str, Any]) -> Piece | None:
        aside = _string(part.get("reasoning_content")) or _string(part.get("reasoning"))
        text, thinking = self._splitter.feed(_string(part.get("content")) or _string(part.get("refusal")))
        takes_back = self._splitter.has_stray_end
        if takes_back:
            self._take_back()
        piece = self._keep(text, aside + thinking)
        return replace(piece or Piece(), takes_back=True) if takes_back else piece

    def _keep(self, text: str, thinking: str) -> Piece | None:
        if not any(self._text):
            text = text.lstrip()  # the blank lines after a thought
        if not (text or thinking):
            return None
        self.has_begun = True
        self._text.append(text)
        self._thinking.append(thinking)
        return Piece(text, thinking)

    def _take_back(self) -> None:
        # Some servers put the opening tag into the prompt: all before a lone closing tag was thinking.
        self._splitter.has_stray_end = False
        self._thinking.extend(self._text)
        self._text.clear()


def _first(choices: object) -> dict[str, Any] | None:
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
