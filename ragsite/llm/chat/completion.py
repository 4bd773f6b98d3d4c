"""Assemble a chat completion from its chunks: separate reasoning, enforce size limits, and record why it ended."""

import re
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from ragsite.llm.chat.deltas import Delta, read_delta, read_reason
from ragsite.llm.chat.thinking import ThinkingSplitter, without_end_marks
from ragsite.llm.errors import BadResponse, ProviderUnavailable, RequestRefused
from ragsite.llm.usage import NO_USAGE, Usage, read_usage
from ragsite.storable import StorableStream, storable_text

MAX_ANSWER = 250_000  # characters: at most a megabyte of UTF-8
MAX_THINKING = 250_000  # characters of reasoning, which is not part of the answer
CHARACTERS_A_TOKEN = 8
BLANKS = re.compile("^[\\s\u200b-\u200f\u2060\ufeff]+")  # including zero-width characters
MAX_REFUSAL_LENGTH = 600
DECLINES = re.compile(
    r"\W*(?:i[’']?m (?:very |really )?sorry\b|i am (?:very )?sorry\b|sorry\b|i (?:can[’']?t|can ?not|won[’']?t|am (?:not able|unable) to|[’']?m (?:not able|unable) to)"
    r" (?:help|assist|comply|discuss|provide|fulfil|continue|engage|do that|answer (?:that|this))|i must decline|as an ai\b|es tut mir leid|tut mir leid"
    r"|je suis désolée?\b|lo siento\b)",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Return whether a short answer starts with a typical refusal phrase."""
    return len(text) <= MAX_REFUSAL_LENGTH and bool(DECLINES.match(text))


def longest_answer(max_tokens: int | None) -> int:
    """Return the maximum answer length in characters, since some servers ignore `max_tokens`."""
    return min(MAX_ANSWER, max_tokens * CHARACTERS_A_TOKEN) if max_tokens else MAX_ANSWER


class Message(TypedDict):
    """role is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True)
class Completion:
    """A whole answer, or the part of it that was received. `text` supersedes the text of the pieces."""

    text: str
    finish_reason: str
    model: str
    host: str
    usage: Usage = NO_USAGE
    thinking: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether the model declined the request."""
        return self.finish_reason == "refusal" or declines(self.text)

    @property
    def is_complete(self) -> bool:
        """Whether the answer ended with `stop`; `finish_reason` is normalized to OpenAI's values.

        An answer that was cut off, filtered, refused or interrupted is shown as such and never cached.
        """
        return self.finish_reason == "stop"


@dataclass(frozen=True)
class Piece:
    """A streamed part of an answer. The last piece has no text and carries the completion.

    `takes_back`: all text before this piece was reasoning, and is not part of the answer.
    """

    text: str = ""
    thinking: str = ""
    takes_back: bool = False
    completion: Completion | None = None


@dataclass
class AnswerReader:
    """Parse a provider's chunks (untrusted JSON values) into pieces and, at the end, the completion.

    Text beyond `longest` characters and reasoning beyond MAX_THINKING are dropped; `is_full` then becomes true.
    """

    model: str
    host: str
    longest: int = MAX_ANSWER
    usage: Usage = NO_USAGE
    finish_reason: str = ""
    has_begun: bool = False
    is_done: bool = False  # the server sent the end of the stream
    is_refusal: bool = False
    calls_tools: bool = False
    goes_on_after_its_end: bool = False
    _has_chunk: bool = False
    _has_choice: bool = False
    _index: object = None  # of the selected choice
    _splitter: ThinkingSplitter = field(default_factory=ThinkingSplitter)
    _gate: StorableStream = field(default_factory=StorableStream)
    _raw: list[str] = field(default_factory=list)  # text before reasoning is separated
    _text: list[str] = field(default_factory=list)
    _thinking: list[str] = field(default_factory=list)
    _length: int = 0
    _thought: int = 0

    @property
    def is_full(self) -> bool:
        return self._length > self.longest or self._thought > MAX_THINKING

    @property
    def is_at_its_end(self) -> bool:
        """Whether only usage and the end of the stream may follow."""
        return self.is_done or bool(self.finish_reason and not self.goes_on_after_its_end)

    def feed(self, chunk: Any) -> Piece | None:
        """Parse one chunk. Return its piece, or None if it has no text."""
        if not isinstance(chunk, dict):
            raise BadResponse("chunk is no object")
        self._has_chunk = True
        if (usage := read_usage(chunk.get("usage"))) != NO_USAGE:
            self.usage = usage
        choice = self._choice(chunk.get("choices"))
        if not choice:
            return None  # usage only, or a keep-alive
        piece = self._read(read_delta(choice))
        self._note_reason(
            read_reason(choice), has_words=bool(piece and (piece.text + piece.thinking).strip())
        )
        return piece

    def finish(self) -> tuple[Piece | None, Completion]:
        """Return the buffered rest and the completion after a clean end. Raises ProviderError if there is no text."""
        last = self._keep(*self._splitter.feed(self._gate.flush()))
        rest = self._keep(*self._splitter.flush())
        if rest:
            last = replace(rest, text=(last.text if last else "") + rest.text)
        completion = self.completion()
        if not self._has_choice:
            raise BadResponse("no choices", kind="" if self._has_chunk else "empty_answer")
        if not completion.text:
            self._raise_for_silence(completion)
        return last, completion

    def completion(self) -> Completion:
        """Return the completion of the chunks so far."""
        text, thinking = without_end_marks("".join(self._text)), "".join(self._thinking).strip()
        return Completion(text, self._outcome(), self.model, self.host, self.usage, thinking)

    def _outcome(self) -> str:
        """Return the finish reason, normalized to OpenAI's values."""
        if self.is_full:
            return "too_long"
        reason = self.finish_reason or ("stop" if self.is_done else "")
        if reason == "tool_calls" and not self.calls_tools:
            reason = "stop"  # some servers report it when tools are merely available
        return "refusal" if self.is_refusal and reason == "stop" else reason

    def _raise_for_silence(self, completion: Completion) -> None:
        if self.calls_tools:
            raise BadResponse("tool calls alone", kind="tool_calls")
        if completion.finish_reason == "content_filter":
            raise RequestRefused("no text", kind="content_filter")
        if completion.finish_reason == "refusal":
            raise BadResponse("no text", kind="declined")
        if self.is_full:
            raise BadResponse("no text", kind="endless_thought")
        if completion.finish_reason == "length":
            raise BadResponse("no text", kind="cut_off")
        if completion.thinking and not completion.finish_reason:
            raise ProviderUnavailable("no text", kind="interrupted")
        raise BadResponse("no text", kind="endless_thought" if completion.thinking else "empty_answer")

    def _note_reason(self, reason: str, *, has_words: bool) -> None:
        """Store the finish reason, and ignore one that text follows: some servers send it in every chunk."""
        if has_words and self.finish_reason:
            self.goes_on_after_its_end = True
            self.finish_reason = ""
        self.finish_reason = reason or self.finish_reason

    def _choice(self, choices: object) -> dict[str, Any] | None:
        """Return the choice with the first index seen, if the server sends several."""
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and (
                not self._has_choice or (choice.get("index") or 0) == self._index
            ):
                self._has_choice, self._index = True, choice.get("index") or 0
                return choice
        return None

    def _read(self, delta: Delta) -> Piece | None:
        self.is_refusal = self.is_refusal or delta.is_refusal
        self.calls_tools = self.calls_tools or delta.called > 0
        self._thought += delta.called  # tool calls are dropped, but count towards the limit
        max_length = self.longest + MAX_THINKING  # a longer chunk exceeds both limits
        text, thinking = self._splitter.feed(self._gate.feed(self._new_text(delta)[:max_length]))
        takes_back = self._splitter.has_stray_end and self.has_begun
        if self._splitter.has_stray_end:
            self._take_back()
        piece = self._keep(text, storable_text(delta.thinking[:MAX_THINKING]) + thinking)
        return replace(piece or Piece(), takes_back=True) if takes_back else piece

    def _new_text(self, delta: Delta) -> str:
        """Return the text without what was received before: some servers repeat the whole answer in a message."""
        text = delta.text
        if delta.is_message and (received := "".join(self._raw)):
            is_repeated = text.strip() in (received.strip(), self.completion().text)
            text = "" if is_repeated else text.removeprefix(received)
        self._raw.append(text)
        return text

    def _keep(self, text: str, thinking: str) -> Piece | None:
        if not self._length:
            text = BLANKS.sub("", text)  # the blank lines after the reasoning
        if not (text or thinking):
            return None
        self.has_begun = True
        kept = text[: max(self.longest - self._length, 0)]
        thought = thinking[: max(MAX_THINKING - self._thought, 0)]
        self._length += len(text)
        self._thought += len(thinking)
        self._text += [kept] if kept else []
        self._thinking += [thought] if thought else []
        return Piece(kept, thought)

    def _take_back(self) -> None:
        # Some servers put the opening tag into the prompt: all text before a lone closing tag was reasoning.
        self._splitter.has_stray_end = False
        self._thinking.extend(self._text)
        self._thought += self._length
        self._text.clear()
        self._length = 0
