"""Joins lines of Chinese, Japanese and Korean. Learns from the document whether a line end stands for a space."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol

CJK = re.compile(r"[\u2e80-\u30ff\u31f0-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
CJK_STOPS = "、。，；：！？」』）"
HANGUL = re.compile("[\uac00-\ud7a3]")
ANY = re.compile(f"{CJK.pattern}|{HANGUL.pattern}")
LATIN = "[A-Za-z0-9]"
SPACED = re.compile(f"{LATIN} {CJK.pattern}|{CJK.pattern} {LATIN}")
TIGHT = re.compile(f"{LATIN}\u200b?{CJK.pattern}|{CJK.pattern}\u200b?{LATIN}")
GAP = re.compile(f"(?<={LATIN}) (?={ANY.pattern})|(?:(?<={CJK.pattern})|(?<={HANGUL.pattern})) (?={LATIN})")
# Korean suffixes that follow a noun, even in Latin letters, without a space: particles, and counters after figures.
PARTICLES = (
    "은|는|가|을|를|의|에|에는|에도|에서|에서는|에게|로|으로|로는|으로는|로부터|으로부터|와|과|도|까지|부터"
)
SUFFIXES = f"{PARTICLES}|이|만|만을|만이|인|이며|이고|이나|이라는|라는|입니다|년|년에|년부터|월|월에|일|일에|장|장에서|항|개|개의|번|호|명"
PARTICLE = re.compile(f"(?:{PARTICLES})(?![\uac00-\ud7a3])")
SUFFIX = re.compile(f"(?:{SUFFIXES})(?![\uac00-\ud7a3])")
BEFORE_SUFFIX = re.compile(f"(?<={LATIN}) (?={SUFFIX.pattern})")
SPACE_AT_END = re.compile(r"\S \r?\n")
WHOLE = re.compile("(?<= )[\uac00-\ud7a3]+(?=[ .,!?)])")  # within a line
MAX_WORD_LENGTH = 60
SOME_PAGES = 20
LATIN_AT_END, LATIN_AT_START = re.compile("[A-Za-z]+$"), re.compile("[A-Za-z]+")
BROKEN_LATIN = re.compile(r"([A-Za-z]+)\r?\n([A-Za-z]+)")
BROKEN = re.compile(r"([\uac00-\ud7a3]+)\r?\n([\uac00-\ud7a3]+)")


def without_gaps(text: str, is_added: Callable[[int], bool]) -> str:
    """Replace spaces that only reflect the gap between CJK and Latin letters.

    `is_added` says whether PDFium inserted the space at an offset. A program that writes a space at line ends writes
    all other spaces too, so every inserted one goes. Otherwise PDFium inserts real spaces as well. The replacement is
    U+200B, which is never stored, so that offsets stay valid.
    """
    if not ANY.search(text):
        return text
    gap = GAP if SPACE_AT_END.search(text) else BEFORE_SUFFIX
    return gap.sub(lambda gap: "\u200b" if is_added(gap.start()) else " ", text)


class Words(Protocol):
    def has_elsewhere(self, word: str) -> bool: ...

    def __contains__(self, word: str) -> bool: ...


class LineEnds:
    """Decides what joins two lines. Reads the texts when a line first needs it."""

    def __init__(self, texts: Sequence[str], words: Words) -> None:
        self.texts = texts
        self.words = words

    def between(self, text: str, after: str, ends_in_space: bool) -> str | None:
        """What joins two lines if either side is CJK, else None."""
        if text[-1].isascii() and after[0].isascii():
            return "" if self._breaks_latin and self._is_broken_latin(text, after) else None
        if text[-1] in CJK_STOPS:
            return ""
        is_cjk, is_cjk_after = ANY.match(text[-1]), ANY.match(after[0])
        if not is_cjk and not is_cjk_after:
            return None
        if CJK.match(text[-1]) and CJK.match(after[0]):
            return ""
        if ends_in_space or self._keeps_spaces:
            return " " if ends_in_space else ""
        if HANGUL.match(text[-1]) and HANGUL.match(after[0]):
            return self._between_hangul(text, after)
        if HANGUL.match(after[0]):
            return "" if text[-1].isalnum() and SUFFIX.match(after) else " "
        return "" if self._sets_latin_tight and not HANGUL.match(text[-1]) else " "

    def _between_hangul(self, text: str, after: str) -> str:
        ended, begun = text.rsplit(maxsplit=1)[-1], after.split(maxsplit=1)[0]
        if self._is_word(ended + begun) or PARTICLE.match(begun):
            return ""
        return "" if self._breaks_words and not self._syllables.are_apart(text[-1], after[0]) else " "

    def _is_broken_latin(self, text: str, after: str) -> bool:
        ended, begun = LATIN_AT_END.search(text[-MAX_WORD_LENGTH:]), LATIN_AT_START.match(after)
        if not ended or not begun:
            return False
        first, second = ended.group(), begun.group()
        return first + second in self.words or not (
            self.words.has_elsewhere(first) and self.words.has_elsewhere(second)
        )

    def _is_word(self, joined: str) -> bool:
        match = re.match(r"[\uac00-\ud7a3]+", joined)
        return match is not None and match.group() in self.words

    @cached_property
    def _keeps_spaces(self) -> bool:
        """Whether the program kept the space at which it broke a line."""
        return any(SPACE_AT_END.search(text) for text in self.texts)

    @cached_property
    def _sets_latin_tight(self) -> bool:
        counted = [(len(TIGHT.findall(text)), len(SPACED.findall(text))) for text in self.texts]
        return sum(tight for tight, _ in counted) > sum(spaced for _, spaced in counted)

    @cached_property
    def _syllables(self) -> "Syllables":
        return Syllables(self.texts)

    @cached_property
    def _breaks_words(self) -> bool:
        """Whether Korean lines break inside words."""
        return self._breaks_within(BROKEN)

    @cached_property
    def _breaks_latin(self) -> bool:
        """Whether Chinese or Japanese lines break Latin words at any letter, as LibreOffice does."""
        return any(map(CJK.search, self.texts[:SOME_PAGES])) and self._breaks_within(BROKEN_LATIN)

    def _breaks_within(self, broken: re.Pattern[str]) -> bool:
        """Whether joined halves occur elsewhere more often than the separate ones do."""
        joined = apart = 0
        for text in self.texts:
            for first, second in broken.findall(text):
                joined += first + second in self.words
                apart += self.words.has_elsewhere(first) and self.words.has_elsewhere(second)
        return joined > apart


class Syllables:
    """Counts the first and last syllables of Korean words. Many words end in one of a few particles."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.all: Counter[str] = Counter()
        self.first: Counter[str] = Counter()
        self.last: Counter[str] = Counter()
        for text in texts:
            for word in WHOLE.findall(text):
                self.all.update(word)
                self.first[word[0]] += 1
                self.last[word[-1]] += 1

    def are_apart(self, ended: str, begun: str) -> bool:
        """Whether a word boundary between the two syllables is more likely than none (naive Bayes)."""
        usual = self.last.total() / max(1, self.all.total())

        def odds(part: int, whole: int) -> float:
            """Odds with one average case added, so that an unseen syllable has no influence."""
            return (part + usual) / (whole - part + 1 - usual)

        boundary = odds(self.last[ended], self.all[ended]) * odds(self.first[begun], self.all[begun])
        return boundary > odds(0, 0)
