"""What models put around their thoughts, as data; and the splitter that keeps those out of an answer."""

import re
from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings

# What begins and what ends a thought. CHAT_THINKING_MARKS adds to them.
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
# The same, but words of a document elsewhere: they count only at the beginning of an answer.
THOUGHTS_AT_FIRST = (
    ("<scratchpad>", "</scratchpad>"),
    ("<analysis>", "</analysis>"),
    ("<reflection>", "</reflection>"),
    ("<reason>", "</reason>"),
    ("<inner_thoughts>", "</inner_thoughts>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("Here is my thought process:", "Here is my response:"),  # Granite
)
# A lone end: what remains of harmony's channels where a server leaves its special tokens out.
LONE_ENDS = ("assistantfinal",)
# Marks of a chat template that servers let through. They say nothing.
TEMPLATE = (
    "<|im_end|>", "<|im_start|>assistant", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>",
    "<|endofturn|>", "<|end_of_turn|>", "<end_of_turn>", "<start_of_turn>model", "<|start_header_id|>assistant<|end_header_id|>",
    "<|start|>assistant", "<|return|>", "<|call|>", "<|assistant|>", "<|begin_of_solution|>", "<|end_of_solution|>",
    "<|start_response|>", "<|end_response|>", "<|end_of_turn_token|>", "<|end_of_role|>", "<|eos|>", "<｜end▁of▁sentence｜>",
    "<｜Assistant｜>", "[/INST]", "<|begin_of_text|>", "<|message|>", "<|constrain|>json",
)  # fmt: skip
CHANNEL, CHANNEL_END = "<|channel|>", "<|message|>"  # harmony: a header in between names the channel
HARMONY_END = "<|end|>"  # of a channel's message; of the whole answer at other models
MAX_HEADER_LENGTH = 200
AT_THE_END = re.compile(r"(?:\s*(?:</s>|<eos>|\[EOS\]|<\|end\|>))+\s*$", re.IGNORECASE)


class Marks:
    """The marks in one pattern, and every beginning of a mark, to know what must be held back."""

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
    """Part text from thoughts, even where a mark is split over several tokens."""

    def __init__(self) -> None:
        self._marks = _marks(tuple(settings.CHAT_THINKING_MARKS))
        self._held = ""
        self._is_thinking = False
        self._is_channel = False  # the thought is one of harmony's messages
        self._has_said = False  # a word of the answer
        self.has_stray_end = False

    def feed(self, token: str) -> tuple[str, str]:
        """(text, thinking) that are certain by now."""
        self._held += token
        text: list[str] = []
        thinking: list[str] = []
        at = 0
        for mark in self._marks.pattern.finditer(self._held):
            before = self._held[at : mark.start()]
            if self._is_plain(mark[0].lower(), before):
                continue
            self._add(before, text, thinking)
            at = mark.end()
            if self._is_end_of_a_lone_thought(mark[0].lower()):
                self.has_stray_end = True
                thinking, text = text + thinking, []
            self._turn(mark[0].lower())
        self._held = self._held[at:]
        certain = self._release(self._open_length())
        self._add(certain, text, thinking)
        return "".join(text), "".join(thinking)

    def flush(self) -> tuple[str, str]:
        """What was held back at the end of the answer."""
        rest = self._release(0)
        return ("", rest) if self._is_thinking else (rest, "")

    def _add(self, words: str, text: list[str], thinking: list[str]) -> None:
        (thinking if self._is_thinking else text).append(words)
        self._has_said = self._has_said or (not self._is_thinking and bool(words.strip()))

    def _is_plain(self, mark: str, before: str) -> bool:
        """Whether it is a word of the answer, and marks nothing where it stands."""
        if self._is_thinking:
            return False
        is_late = mark in self._marks.at_first and (self._has_said or bool(before.strip()))
        return is_late or (mark in self._marks.ends - self._marks.begins - self._marks.lone_ends)

    def _is_end_of_a_lone_thought(self, mark: str) -> bool:
        """Some servers put the opening mark into the prompt: all before a lone end was thinking."""
        return not self._is_thinking and (mark in self._marks.lone_ends or _is_final_channel(mark))

    def _turn(self, mark: str) -> None:
        if mark.startswith(CHANNEL):
            self._is_channel = self._is_thinking = not _is_final_channel(mark)
        elif self._is_thinking and (mark in self._marks.ends or (mark == HARMONY_END and self._is_channel)):
            self._is_thinking = self._is_channel = False
        elif mark in self._marks.begins:
            self._is_thinking, self._is_channel = True, False

    def _open_length(self) -> int:
        """How many characters at the end may be the beginning of a mark."""
        start = self._held.rfind(CHANNEL)
        if start >= 0 and len(self._held) - start <= len(CHANNEL) + MAX_HEADER_LENGTH + 40:
            return len(self._held) - start
        end = self._held[-self._marks.longest :].lower()
        lengths = range(len(end), 0, -1)
        return next((length for length in lengths if end[-length:] in self._marks.prefixes), 0)

    def _release(self, kept: int) -> str:
        cut = len(self._held) - kept
        released, self._held = self._held[:cut], self._held[cut:]
        return released


def without_end_marks(text: str) -> str:
    """An answer without the marks that close it at some servers, and that could be words elsewhere in it."""
    return AT_THE_END.sub("", text).strip()


def _is_final_channel(mark: str) -> bool:
    return mark.startswith(CHANNEL) and mark[len(CHANNEL) :].lstrip().startswith("final")
