"""What a chat model says: read chunk by chunk, thinking kept apart, within limits, complete only when it ended so."""

import re
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from ragsite.llm.chat.deltas import Delta, read_delta, read_reason
from ragsite.llm.chat.thinking import ThinkingSplitter, without_end_marks
from ragsite.llm.errors import BadResponse, ProviderUnavailable, RequestRefused
from ragsite.llm.usage import NO_USAGE, Usage, read_usage
from ragsite.storable import StorableStream, storable_text

MAX_ANSWER = 250_000  # characters: at most a megabyte, however long a model goes on
MAX_THINKING = 250_000  # of thoughts, which are no part of the answer
CHARACTERS_A_TOKEN = 8
BLANKS = re.compile("^[\\s\u200b-\u200f\u2060\ufeff]+")  # those of no width among them
MAX_REFUSAL_LENGTH = 600
DECLINES = re.compile(
    r"\W*(?:i[’']?m (?:very |really )?sorry\b|i am (?:very )?sorry\b|sorry\b|i (?:can[’']?t|can ?not|won[’']?t|am (?:not able|unable) to|[’']?m (?:not able|unable) to)"
    r" (?:help|assist|comply|discuss|provide|fulfil|continue|engage|do that|answer (?:that|this))|i must decline|as an ai\b|es tut mir leid|tut mir leid"
    r"|je suis désolée?\b|lo siento\b)",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Whether a model's words begin as they do when it declines."""
    return len(text) <= MAX_REFUSAL_LENGTH and bool(DECLINES.match(text))


def longest_answer(max_tokens: int | None) -> int:
    """How many characters an answer of so many tokens may have: servers do not always keep to what they were told."""
    return min(MAX_ANSWER, max_tokens * CHARACTERS_A_TOKEN) if max_tokens else MAX_ANSWER


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
    usage: Usage = NO_USAGE
    thinking: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether the model declined instead of doing what was asked."""
        return self.finish_reason == "refusal" or declines(self.text)

    @property
    def is_complete(self) -> bool:
        """Only `stop` is (finish_reason is in OpenAI's words, whatever the server's own were): a cut-off, filtered, refused or
        quietly ended answer must be shown as such and never cached."""
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


@dataclass
class AnswerReader:
    """Turns a provider's chunks (plain JSON values, as odd as they may be) into pieces and, at the end, the completion.

    What is beyond `longest` characters, of the answer or of its thoughts, is never kept: `is_full` says that it came.
    """

    model: str
    host: str
    longest: int = MAX_ANSWER
    usage: Usage = NO_USAGE
    finish_reason: str = ""
    has_begun: bool = False
    is_done: bool = False  # the server said that nothing more comes
    is_refusal: bool = False
    calls_tools: bool = False
    goes_on_after_its_end: bool = False
    _has_heard: bool = False
    _has_choice: bool = False
    _index: object = None  # of the one choice that is read
    _splitter: ThinkingSplitter = field(default_factory=ThinkingSplitter)
    _gate: StorableStream = field(default_factory=StorableStream)
    _heard: list[str] = field(default_factory=list)  # the words as they came
    _text: list[str] = field(default_factory=list)
    _thinking: list[str] = field(default_factory=list)
    _length: int = 0
    _thought: int = 0

    @property
    def is_full(self) -> bool:
        return self._length > self.longest or self._thought > MAX_THINKING

    @property
    def is_at_its_end(self) -> bool:
        """Only usage and the end of the stream may follow."""
        return self.is_done or bool(self.finish_reason and not self.goes_on_after_its_end)

    def feed(self, chunk: Any) -> Piece | None:
        """The piece in the chunk, if there is one."""
        if not isinstance(chunk, dict):
            raise BadResponse("chunk is no object")
        self._has_heard = True
        if (usage := read_usage(chunk.get("usage"))) != NO_USAGE:
            self.usage = usage
        choice = self._choice(chunk.get("choices"))
        if not choice:
            return None  # usage alone, or a sign of life
        piece = self._read(read_delta(choice))
        self._note_reason(
            read_reason(choice), has_words=bool(piece and (piece.text + piece.thinking).strip())
        )
        return piece

    def finish(self) -> tuple[Piece | None, Completion]:
        """To be called at a clean end: what was held back, and the completion. BadResponse where nothing was said."""
        last = self._keep(*self._splitter.feed(self._gate.flush()))
        rest = self._keep(*self._splitter.flush())
        if rest:
            last = replace(rest, text=(last.text if last else "") + rest.text)
        completion = self.completion()
        if not self._has_choice:
            raise BadResponse("no choices", kind="" if self._has_heard else "empty_answer")
        if not completion.text:
            self._raise_for_silence(completion)
        return last, completion

    def completion(self) -> Completion:
        """What has been read so far."""
        text, thinking = without_end_marks("".join(self._text)), "".join(self._thinking).strip()
        return Completion(text, self._outcome(), self.model, self.host, self.usage, thinking)

    def _outcome(self) -> str:
        """Why it ended, in OpenAI's words."""
        if self.is_full:
            return "too_long"
        reason = self.finish_reason or ("stop" if self.is_done else "")
        if reason == "tool_calls" and not self.calls_tools:
            reason = "stop"  # said by some servers because tools could have been called
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
        """Servers that name a reason in every chunk, or too early, have not ended by that."""
        if has_words and self.finish_reason:
            self.goes_on_after_its_end = True
            self.finish_reason = ""
        self.finish_reason = reason or self.finish_reason

    def _choice(self, choices: object) -> dict[str, Any] | None:
        """Always of the same answer, where a server gives several at once."""
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
        self._thought += delta.called  # kept nowhere, but not endless either
        room = self.longest + MAX_THINKING  # of a single chunk: more than that is beyond both limits anyhow
        text, thinking = self._splitter.feed(self._gate.feed(self._new_words(delta)[:room]))
        takes_back = self._splitter.has_stray_end and self.has_begun
        if self._splitter.has_stray_end:
            self._take_back()
        piece = self._keep(text, storable_text(delta.thinking[:MAX_THINKING]) + thinking)
        return replace(piece or Piece(), takes_back=True) if takes_back else piece

    def _new_words(self, delta: Delta) -> str:
        """Some servers send with each message, or with the last, all that they have said so far."""
        text = delta.text
        if delta.is_message and (heard := "".join(self._heard)):
            is_said = text.strip() in (heard.strip(), self.completion().text)
            text = "" if is_said else text.removeprefix(heard)
        self._heard.append(text)
        return text

    def _keep(self, text: str, thinking: str) -> Piece | None:
        if not self._length:
            text = BLANKS.sub("", text)  # the blank lines after a thought
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
        # Some servers put the opening tag into the prompt: all before a lone closing tag was thinking.
        self._splitter.has_stray_end = False
        self._thinking.extend(self._text)
        self._thought += self._length
        self._text.clear()
        self._length = 0
