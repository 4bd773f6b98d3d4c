"""Puts the glyphs of a right-to-left line into reading order, by their places on the page.

Right to left, but Latin words and figures left to right, and each mark after its base letter. This inverts Unicode's
rules for displaying such a line (UAX 9). Pure functions.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

LETTER = (
    "\u05d0-\u05f4\u0608\u060b\u060d\u061b-\u064a\u066d-\u066f\u0671-\u06d5\u06e5\u06e6\u06ee\u06ef\u06fa-\u08c7"
    "\ufb1d-\ufdff\ufe70-\ufefc"
)
HAS_LETTER = re.compile(f"[{LETTER}]")
LETTERS = frozenset(HAS_LETTER.findall("".join(map(chr, (*range(0x590, 0x900), *range(0xFB1D, 0xFF00))))))
ARABIC = re.compile("[\u0600-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")
MARKS = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u200c\u200d"
MARK = re.compile(f"[{MARKS}]")
OTHER_LETTER = re.compile(rf"[^\W\d_{LETTER}]")
SHADDA = "\u0651"  # precedes a vowel on the same letter
LAM, ALEFS = "\u0644", "\u0622\u0623\u0625\u0627\u0649\u0671"
WITHIN_FIGURES = ".,:/\u066b\u066c"
BESIDE_FIGURES = "%$€£₪°\u066a"
STRETCHES = "\u0640" + "".join(map(chr, range(32)))
WITHIN_WORD = re.compile("(?<=r)(?:t+|l{1,3})(?=r)")
RIGHT_TO_LEFT_WORDS = re.compile("r(?:[^l]*r)?")
SHARES = "%\u066a"
UNITS = frozenset(
    (
        "kB",
        "KB",
        "MB",
        "GB",
        "TB",
        "Hz",
        "kHz",
        "MHz",
        "GHz",
        "g",
        "kg",
        "mg",
        "m",
        "km",
        "cm",
        "mm",
        "kW",
        "V",
        "USD",
        "EUR",
    )
)
OPENING, CLOSING = "([{«", ")]}»"
MIRRORED = str.maketrans(OPENING + CLOSING, CLOSING + OPENING)
# A closing bracket at the start of a word, or an opening one at its end.
MISPLACED_BRACKET = re.compile(
    r"(?:^|(?<=\s))[)\]}»](?=[^\s.,:;!?\u060c\u061b\u061f])|(?<=\S)[(\[{«](?=[\s.,:;!?\u060c\u061b\u061f\u201c\u201d]|$)"
)
# As in netstat)8): two closing brackets in a word, and no opening one.
UNOPENED = re.compile(r"(?<!\S)([^\s()]*\w)\)(\w[^\s()]*)\)")
# Times its width: how far left of its letter's middle a mark is drawn in calligraphic fonts
SLANT = 0.15
LAM_ALEF = 0.05  # times the line height; less than the width of any letter
SPACE = 0.1  # times the line height; words are further apart


class Glyph(NamedTuple):
    """One drawn glyph: its letters in reading order, PDFium's index of each, and its place."""

    text: str
    places: tuple[int, ...]
    x: float  # of its origin
    left: float
    right: float
    height: float
    baseline: float = 0.0

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


def in_order(letters: str, places: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """The letters of one glyph in reading order: lam before alef, marks after their letter, others reversed."""
    order = sorted(range(len(letters)), key=lambda i: (_rank(letters[i]), -i))
    return "".join(letters[i] for i in order), tuple(places[i] for i in order)


def _rank(letter: str) -> int:
    if MARK.match(letter):
        return 3 if letter == SHADDA else 4
    return {LAM: 0}.get(letter, 2 if letter in ALEFS else 1)


def with_marks(glyphs: Sequence[Glyph], mark: Glyph) -> list[Glyph]:
    """The glyphs with the mark added to the letter above or below it.

    Some programs repeat the letter together with its mark, and some write it only there.
    """
    bases = [i for i, glyph in enumerate(glyphs) if glyph.text[0] in LETTERS]
    if HAS_LETTER.search(mark.text):
        bases = [i for i in bases if glyphs[i].left < mark.middle < glyphs[i].right]
        if not bases:
            return [*glyphs, mark]
    if not bases:
        return list(glyphs)
    place = mark.middle + SLANT * (mark.right - mark.left)
    base = min(bases, key=[_distance(glyph, place) for glyph in glyphs].__getitem__)
    changed = list(glyphs)
    for letter, counted in zip(mark.text, mark.places, strict=True):
        if MARK.match(letter) and not (len(mark.text) > 1 and letter in changed[base].text):
            changed[base] = _marked(changed[base], mark._replace(text=letter, places=(counted,)))
    return changed


def _distance(glyph: Glyph, x: float) -> float:
    """Distance of a place from the glyph's middle, relative to its width."""
    width = glyph.right - glyph.left
    return abs((glyph.left + glyph.right) / 2 - x) / (width if width > 0.01 else 0.01)


def _marked(glyph: Glyph, mark: Glyph) -> Glyph:
    """Add the mark to its letter. The first letter of a ligature is on the right."""
    letters = [i for i, letter in enumerate(glyph.text) if not MARK.match(letter)]
    at = letters[1] if len(letters) == 2 and mark.middle > glyph.middle else len(glyph.text)
    if mark.text == SHADDA:
        while MARK.match(glyph.text[at - 1]):
            at -= 1
    return glyph._replace(
        text=glyph.text[:at] + mark.text + glyph.text[at:],
        places=glyph.places[:at] + mark.places + glyph.places[at:],
    )


def read_line(
    glyphs: Sequence[Glyph], is_arabic: bool = True, is_left_to_right: bool = False
) -> tuple[str, list[int]]:
    """Return the line in reading order, and PDFium's index of each character, or -1 for an inserted space.

    `is_arabic` selects Arabic rules, not Hebrew ones, for a line of figures only. `is_left_to_right` means a line of
    Latin text with right-to-left words in it.
    """
    right_to_left = _with_lam_first(sorted(glyphs, key=_from_the_right))
    reorder = _reorder_left_to_right if is_left_to_right else _reorder
    ordered = _without_tatweel(reorder(_with_spaces(right_to_left), is_arabic))
    text = "".join(glyph.text for glyph in ordered)
    text = MISPLACED_BRACKET.sub(lambda bracket: bracket.group().translate(MIRRORED), text)
    text = UNOPENED.sub(r"\1(\2)", text)
    return text, [place for glyph in ordered for place in glyph.places]


def _with_lam_first(glyphs: list[Glyph]) -> list[Glyph]:
    """Put lam before an alef that is drawn at the same place."""
    for i in range(1, len(glyphs)):
        alef, lam = glyphs[i - 1], glyphs[i]
        if lam.text[0] == LAM and alef.text[0] in ALEFS and alef.x - lam.x < LAM_ALEF * lam.height:
            glyphs[i - 1 : i + 1] = [lam, alef]
    return glyphs


def _without_tatweel(glyphs: Iterable[Glyph]) -> list[Glyph]:
    """Drop the strokes that stretch a word. They are encoded as tatweel, or as any other letter."""
    ordered = list(glyphs)
    kinds = "".join(["t" if glyph.text in STRETCHES else _kind_of(glyph.text[0]) for glyph in ordered])
    for match in reversed(list(WITHIN_WORD.finditer(kinds))):
        if len({glyph.text for glyph in ordered[match.start() : match.end()]}) == 1:
            del ordered[match.start() : match.end()]
    kept: list[Glyph] = []
    for number, glyph in enumerate(ordered):
        if glyph.text >= " ":
            kept.append(glyph)
        elif (
            glyph.right - glyph.left > SPACE * glyph.height
            and "r" not in kinds[max(0, number - 1) : number + 2]
        ):
            kept.append(glyph._replace(text=" "))  # a control code between Latin words
    return kept


def _from_the_right(glyph: Glyph) -> float:
    """Sort key. A space at the end of a line may have the place of the last letter."""
    return 0.5 - glyph.x if glyph.text == " " else -glyph.x


def _with_spaces(glyphs: Sequence[Glyph]) -> list[Glyph]:
    """Insert a space into each wide gap without one."""
    spaced: list[Glyph] = []
    edge = 0.0  # leftmost so far
    enough = SPACE * max([glyph.height for glyph in glyphs])
    for glyph in glyphs:
        if glyph.text == " " and (not spaced or spaced[-1].text == " "):
            continue
        if spaced and spaced[-1].text != " " != glyph.text and edge - glyph.right > enough:
            spaced.append(Glyph(" ", (-1,), glyph.right, glyph.right, edge, glyph.height))
        if not spaced or glyph.left < edge:
            edge = glyph.left
        spaced.append(glyph)
    return spaced


def _reorder(glyphs: Sequence[Glyph], is_arabic: bool) -> Iterator[Glyph]:
    """Yield glyphs, given from right to left, in reading order: left-to-right runs are reversed."""
    kinds = "".join([_kind_of(glyph.text[0]) for glyph in glyphs])
    if "r" in kinds:
        is_arabic = _is_arabic(glyphs, kinds.index("r"))
    at = 0
    while at < len(glyphs):
        if kinds[at] == "r":
            end = next((i for i in range(at, len(kinds)) if kinds[i] != "r"), len(kinds))
            is_arabic = _is_arabic(glyphs, end - 1)
            yield from glyphs[at:end]
            at = end
            continue
        start, end = _run(glyphs, kinds, at, is_arabic)
        yield from glyphs[at:start]
        yield from reversed(glyphs[start:end])
        at = end


def _reorder_left_to_right(glyphs: Sequence[Glyph], is_arabic: bool) -> Iterator[Glyph]:
    """Yield glyphs, given from right to left, in the reading order of a Latin line with right-to-left words."""
    kinds = "".join([_kind_of(glyph.text[0]) for glyph in glyphs])
    end = len(glyphs)
    for words in reversed(list(RIGHT_TO_LEFT_WORDS.finditer(kinds))):
        yield from reversed(glyphs[words.end() : end])
        yield from _reorder(glyphs[words.start() : words.end()], is_arabic)
        end = words.start()
    yield from reversed(glyphs[:end])


def _is_arabic(glyphs: Sequence[Glyph], at: int) -> bool:
    return ARABIC.match(glyphs[at].text) is not None


@lru_cache(4096)
def _kind_of(letter: str) -> str:
    """Bidi class of a letter: r right-to-left, l left-to-right, 1 digit, and a full stop for all others."""
    if letter.isalpha():
        return "r" if letter in LETTERS else "l"
    return "1" if letter.isdecimal() else "."


def _run(glyphs: Sequence[Glyph], kinds: str, at: int, is_arabic: bool) -> tuple[int, int]:
    """Start and end of the next left-to-right run. Glyphs before it are read from right to left."""
    stop = kinds.find("r", at)
    stop = len(kinds) if stop < 0 else stop
    start = next((i for i in range(at, stop) if kinds[i] != "."), stop)
    end = kinds.rfind("l", start, stop) + 1
    if end and not _is_measure(glyphs, kinds, start, end):
        return _with_bracket(glyphs, at, _with_hyphen(glyphs, at, start, end), end), end
    end = _end_of_figure(glyphs, kinds, start, stop, WITHIN_FIGURES if is_arabic else WITHIN_FIGURES + "+-")
    if end < stop and glyphs[end].text in BESIDE_FIGURES and not is_arabic:
        end += 1
    # At the start of a line, some programs put the percent sign of Arabic figures on this side.
    if start > at and glyphs[start - 1].text in (SHARES if is_arabic else BESIDE_FIGURES):
        start -= 1
    return _with_hyphen(glyphs, at, start, end), end


def _with_hyphen(glyphs: Sequence[Glyph], at: int, start: int, end: int) -> int:
    """Start of a run that the line end breaks after its hyphen, as in equivs-build or 2015-2019."""
    has_one = end == len(glyphs) and start > at and glyphs[start - 1].text == "-"
    return start - 1 if has_one and (start - 1 == at == 0 or glyphs[start - 2].text == " ") else start


def _is_measure(glyphs: Sequence[Glyph], kinds: str, start: int, end: int) -> bool:
    """Whether the run is a figure with its unit, as 10 GB. Windows 10 looks the same from right to left."""
    first = kinds.find("l", start)
    return kinds[start] == "1" and "".join(glyph.text for glyph in glyphs[first:end])[::-1] in UNITS


def _with_bracket(glyphs: Sequence[Glyph], at: int, start: int, end: int) -> int:
    """Start of Latin words with the bracket or percent sign at their end."""
    while start > at:
        letter, run = glyphs[start - 1].text, [glyph.text for glyph in glyphs[start:end]]
        is_open = sum(t in OPENING for t in run) != sum(t in CLOSING for t in run)
        if not (letter in BESIDE_FIGURES and run[0].isdecimal()) and not (
            letter in OPENING + CLOSING and is_open
        ):
            break
        start -= 1
    return start


def _end_of_figure(glyphs: Sequence[Glyph], kinds: str, start: int, stop: int, within: str) -> int:
    end = start
    while end < stop and (
        kinds[end] == "1"
        or (start < end < stop - 1 and kinds[end - 1] == kinds[end + 1] == "1" and glyphs[end].text in within)
    ):
        end += 1
    return end
