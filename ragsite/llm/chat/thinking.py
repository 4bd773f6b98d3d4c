"""The tags that models put around their reasoning, and the splitter that separates it from the answer."""

import re
from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings

# Opening and closing tags of reasoning. CHAT_THINKING_MARKS adds to them.
THOUGHTS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<antthinking>", "</antthinking>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("[think]", "[/think]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|start_thinking|>", "<|end_thinking|>"),  # Command A
    ("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
    ("<|channel>thought", "<channel|>"),  # Gemma
    ("<unused94>thought", "<unused95>"),  # MedGemma
)
# These may also occur in documents, so they count only at the start of an answer.
THOUGHTS_AT_FIRST = (
    ("<scratchpad>", "</scratchpad>"),
    ("<analysis>", "</analysis>"),
    ("<reflection>", "</reflection>"),
    ("<reason>", "</reason>"),
    ("<inner_thoughts>", "</inner_thoughts>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("Here is my thought process:", "Here is my response:"),  # Granite
)
# Closing tags without an opening one: the rest of harmony's channels if a server strips the special tokens.
LONE_ENDS = ("assistantfinal",)
# Special tokens of chat templates that some servers fail to strip. They are dropped.
TEMPLATE = (
    "<|im_end|>", "<|im_start|>assistant", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>",
    "<|endofturn|>", "<|end_of_turn|>", "<end_of_turn>", "<start_of_turn>model", "<|start_header_id|>assistant<|end_header_id|>",
    "<|start|>assistant", "<|return|>", "<|call|>", "<|assistant|>", "<|begin_of_solution|>", "<|end_of_solution|>",
    "<|start_response|>", "<|end_response|>", "<|end_of_turn_token|>", "<|end_of_role|>", "<|eos|>", "<｜end▁of▁sentence｜>",
    "<｜Assistant｜>", "[/INST]", "<|begin_of_text|>", "<|message|>", "<|constrain|>json",
)  # fmt: skip
# Harmony: the header between the two names the channel.
CHANNEL, CHANNEL_END = "<|channel|>", "<|message|>"
# Ends a channel's message in harmony, and the whole answer with other models.
HARMONY_END = "<|end|>"
MAX_HEADER_LENGTH = 200
AT_THE_END = re.compile(r"(?:\s*(?:</s>|<eos>|\[EOS\]|<\|end\|>))+\s*$", re.IGNORECASE)


class Marks:
    """All tags as one pattern, and every prefix of a tag, to find text that must be buffered."""

    def __init__(self, thoughts: Iterable[tuple[str, str]]) -> None:
        certain = list(thoughts)
        self.at_first = {begin.lower() for begin, _end in THOUGHTS_AT_FIRST}
        self.begins = {begin.lower() for begin, _end in certain} | self.at_first
        self.ends = {end.lower() for _begin, end in (*certain, *THOUGHTS_AT_FIRST)}
        self.lone_ends = {end.lower() for _begin, end in certain} - self.begins | set(LONE_ENDS)
        marks = self.begins | self.ends | self.lone_ends | {mark.lower() for mark in (*TEMPLATE, HARMONY_END)}
        channel = rf"{re.escape(CHANNEL)}[^<]{{0,{MAX_HEADER_LENGTH}}}(?:<\|constrain\|>\w*)?{re.escape(CHANNEL_END)}"
        literal = "|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True))
        self.pattern = re.compile(f"{channel}|{literal}", re.IGNORECASE)
        self.prefixes = {
            mark[:length] for mark in {*marks, CHANNEL} for length in range(1, len(mark) + 1)
        } - marks
        self.longest = max(map(len, self.prefixes))


@lru_cache(maxsize=8)
def _marks(added: tuple[tuple[str, str], ...]) -> Marks:
    return Marks((*THOUGHTS, *added))


class ThinkingSplitter:
    """Separate text from reasoning, even if a tag is split over several tokens."""

    def __init__(self) -> None:
        self._marks = _marks(tuple(settings.CHAT_THINKING_MARKS))
        self._buffer = ""
        self._is_thinking = False
        self._is_channel = False  # the reasoning is a harmony message
        self._has_text = False  # the answer has begun
        self.has_stray_end = False

    def feed(self, token: str) -> tuple[str, str]:
        """Return the text and reasoning that can no longer be part of a tag."""
        self._buffer += token
        text: list[str] = []
        thinking: list[str] = []
        at = 0
        for mark in self._marks.pattern.finditer(self._buffer):
            before = self._buffer[at : mark.start()]
            if self._is_plain(mark[0].lower(), before):
                continue
            self._add(before, text, thinking)
            at = mark.end()
            if self._is_end_of_a_lone_thought(mark[0].lower()):
                self.has_stray_end = True
                thinking, text = text + thinking, []
            self._switch_mode(mark[0].lower())
        self._buffer = self._buffer[at:]
        certain = self._release(self._open_length())
        self._add(certain, text, thinking)
        return "".join(text), "".join(thinking)

    def flush(self) -> tuple[str, str]:
        """Return the buffered text and reasoning at the end of the answer."""
        rest = self._release(0)
        return ("", rest) if self._is_thinking else (rest, "")

    def _add(self, words: str, text: list[str], thinking: list[str]) -> None:
        (thinking if self._is_thinking else text).append(words)
        self._has_text = self._has_text or (not self._is_thinking and bool(words.strip()))

    def _is_plain(self, mark: str, before: str) -> bool:
        """Whether the tag is ordinary text at this position."""
        if self._is_thinking:
            return False
        is_late = mark in self._marks.at_first and (self._has_text or bool(before.strip()))
        return is_late or (mark in self._marks.ends - self._marks.begins - self._marks.lone_ends)

    def _is_end_of_a_lone_thought(self, mark: str) -> bool:
        """Whether this is a lone closing tag: some servers put the opening one into the prompt."""
        return not self._is_thinking and (mark in self._marks.lone_ends or _is_final_channel(mark))

    def _switch_mode(self, mark: str) -> None:
        if mark.startswith(CHANNEL):
            self._is_channel = self._is_thinking = not _is_final_channel(mark)
        elif self._is_thinking and (mark in self._marks.ends or (mark == HARMONY_END and self._is_channel)):
            self._is_thinking = self._is_channel = False
        elif mark in self._marks.begins:
            self._is_thinking, self._is_channel = True, False

    def _open_length(self) -> int:
        """Return the length of the buffer's end that may be an incomplete tag."""
        start = self._buffer.rfind(CHANNEL)
        if start >= 0 and len(self._buffer) - start <= len(CHANNEL) + MAX_HEADER_LENGTH + 40:
            return len(self._buffer) - start
        end = self._buffer[-self._marks.longest :].lower()
        lengths = range(len(end), 0, -1)
        return next((length for length in lengths if end[-length:] in self._marks.prefixes), 0)

    def _release(self, kept: int) -> str:
        cut = len(self._buffer) - kept
        released, self._buffer = self._buffer[:cut], self._buffer[cut:]
        return released


def without_end_marks(text: str) -> str:
    """Remove the end tokens of some servers, which may be ordinary text elsewhere in an answer."""
    return AT_THE_END.sub("", text).strip()


def _is_final_channel(mark: str) -> bool:
    return mark.startswith(CHANNEL) and mark[len(CHANNEL) :].lstrip().startswith("final")
