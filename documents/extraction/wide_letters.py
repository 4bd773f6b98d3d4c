"""Chinese, Japanese and Korean: whether the end of a line stands for a space, as the rest of the document tells."""

import re
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
SPACE_AT_END = re.compile(r"\S \r?\n")
BROKEN = re.compile(r"([\uac00-\ud7a3]+)\r?\n([\uac00-\ud7a3]+)")


def without_gaps(text: str, is_added: Callable[[int], bool]) -> str:
    """The text without spaces that only stand for the gap which programs leave between wide letters and Latin ones.

    `is_added`: whether PDFium made up the space at that place. A program that writes even the space at which a line
    ends writes all there are; of others PDFium makes up true ones, too. What goes is held by a character that is never
    stored, so that places stay.
    """
    if not ANY.search(text) or not SPACE_AT_END.search(text):
        return text
    return GAP.sub(lambda gap: "\u200b" if is_added(gap.start()) else " ", text)


class Words(Protocol):
    def has_elsewhere(self, word: str) -> bool: ...

    def __contains__(self, word: str) -> bool: ...


class LineEnds:
    """Looked into when a line first asks."""

    def __init__(self, texts: Sequence[str], words: Words) -> None:
        self.texts = texts
        self.words = words

    def between(self, text: str, after: str, ends_in_space: bool) -> str | None:
        """What joins two lines where either side is a wide letter; None where none is."""
        if text[-1].isascii() and after[0].isascii():
            return None
        if text[-1] in CJK_STOPS:
            return ""
        is_wide, is_wide_after = ANY.match(text[-1]), ANY.match(after[0])
        if not is_wide and not is_wide_after:
            return None
        if CJK.match(text[-1]) and CJK.match(after[0]):
            return ""
        if ends_in_space or self._keeps_spaces:
            return " " if ends_in_space else ""
        if HANGUL.match(text[-1]) and HANGUL.match(after[0]):
            return self._between_hangul(text, after)
        is_korean = HANGUL.match(text[-1]) or HANGUL.match(after[0])
        return "" if self._sets_latin_tight and not is_korean else " "

    def _between_hangul(self, text: str, after: str) -> str:
        ended, begun = text.rsplit(maxsplit=1)[-1], after.split(maxsplit=1)[0]
        if self._is_word(ended + begun):
            return ""
        return "" if self._breaks_words and not self.words.has_elsewhere(ended) else " "

    def _is_word(self, joined: str) -> bool:
        match = re.match(r"[\uac00-\ud7a3]+", joined)
        return match is not None and match.group() in self.words

    @cached_property
    def _keeps_spaces(self) -> bool:
        """Some programs leave at the end of a line the space at which it was broken."""
        return any(SPACE_AT_END.search(text) for text in self.texts)

    @cached_property
    def _sets_latin_tight(self) -> bool:
        counted = [(len(TIGHT.findall(text)), len(SPACED.findall(text))) for text in self.texts]
        return sum(tight for tight, _ in counted) > sum(spaced for _, spaced in counted)

    @cached_property
    def _breaks_words(self) -> bool:
        """Whether Korean lines break anywhere: their halves make words that stand elsewhere, more often than not."""
        joined = apart = 0
        for text in self.texts:
            for first, second in BROKEN.findall(text):
                joined += first + second in self.words
                apart += self.words.has_elsewhere(first) and self.words.has_elsewhere(second)
        return joined > apart
