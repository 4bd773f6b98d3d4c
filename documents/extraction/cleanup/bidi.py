"""The order in which a right-to-left line is read, from where its letters stand on the page.

From right to left, Latin words and figures from left to right, each mark behind the letter that bears it: Unicode's
rules for how such a line is set (UAX 9), the other way round. Pure functions.
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
LETTERS = frozenset(HAS_LETTER.findall("".join(map(chr, range(0x590, 0xFF00)))))
ARABIC = re.compile("[\u0600-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")
MARKS = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u200c\u200d"
MARK = re.compile(f"[{MARKS}]")
OTHER_LETTER = re.compile(rf"[^\W\d_{LETTER}]")
SHADDA = "\u0651"  # is typed before the vowel on it
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
# A bracket that closes where a word begins, or opens where one ends.
TURNED_BRACKET = re.compile(
    r"(?:^|(?<=\s))[)\]}»](?=[^\s.,:;!?\u060c\u061b\u061f])|(?<=\S)[(\[{«](?=[\s.,:;!?\u060c\u061b\u061f\u201c\u201d]|$)"
)
# netstat)8): within a word two brackets close, and none was opened.
UNOPENED = re.compile(r"(?<!\S)([^\s()]*\w)\)(\w[^\s()]*)\)")
LEANING = (
    0.15  # of its width, by which a mark stands to the left of its letter's middle in calligraphic fonts
)
LAM_ALEF = 0.05  # of a line's height, which is less than any letter is wide
SPACE = 0.1  # of a line's height: what is further apart are two words


class Glyph(NamedTuple):
    """What is drawn as one: its letters as they are read, PDFium's count of each, and where it stands."""

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
    """One glyph's letters: lam before alef, marks behind their letter; else PDFium has turned them round."""
    order = sorted(range(len(letters)), key=lambda i: (_rank(letters[i]), -i))
    return "".join(letters[i] for i in order), tuple(places[i] for i in order)


def _rank(letter: str) -> int:
    if MARK.match(letter):
        return 3 if letter == SHADDA else 4
    return {LAM: 0}.get(letter, 2 if letter in ALEFS else 1)


def with_marks(glyphs: Sequence[Glyph], mark: Glyph) -> list[Glyph]:
    """The line's glyphs with the mark behind the letter that it stands over or under.

    Some programs give the letter once more with its mark, and some give it only there.
    """
    bearers = [i for i, glyph in enumerate(glyphs) if glyph.text[0] in LETTERS]
    if HAS_LETTER.search(mark.text):
        bearers = [i for i in bearers if glyphs[i].left < mark.middle < glyphs[i].right]
        if not bearers:
            return [*glyphs, mark]
    if not bearers:
        return list(glyphs)
    place = mark.middle + LEANING * (mark.right - mark.left)
    bearer = min(bearers, key=[_distance(glyph, place) for glyph in glyphs].__getitem__)
    changed = list(glyphs)
    for letter, counted in zip(mark.text, mark.places, strict=True):
        if MARK.match(letter) and not (len(mark.text) > 1 and letter in changed[bearer].text):
            changed[bearer] = _marked(changed[bearer], mark._replace(text=letter, places=(counted,)))
    return changed


def _distance(glyph: Glyph, x: float) -> float:
    """How far a place is from the glyph's middle, half its width being 1."""
    width = glyph.right - glyph.left
    return abs((glyph.left + glyph.right) / 2 - x) / (width if width > 0.01 else 0.01)


def _marked(glyph: Glyph, mark: Glyph) -> Glyph:
    """Of a ligature of two letters the first is on the right."""
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
    glyphs: Sequence[Glyph], is_arabic: bool = True, runs_to_the_right: bool = False
) -> tuple[str, list[int]]:
    """The line as it is read, and for each of its characters PDFium's count; -1 for a space that nobody wrote.

    `is_arabic`: whether a line of figures alone is to be read as Arabic ones are, and not as Hebrew ones.
    `runs_to_the_right`: it is a line of Latin text with right-to-left words in it.
    """
    from_the_right = _with_lam_first(sorted(glyphs, key=_from_the_right))
    readable = _latin_readable if runs_to_the_right else _readable
    ordered = _without_stretches(readable(_with_spaces(from_the_right), is_arabic))
    text = "".join(glyph.text for glyph in ordered)
    text = TURNED_BRACKET.sub(lambda bracket: bracket.group().translate(MIRRORED), text)
    text = UNOPENED.sub(r"\1(\2)", text)
    return text, [place for glyph in ordered for place in glyph.places]


def _with_lam_first(glyphs: list[Glyph]) -> list[Glyph]:
    """Lam and alef may be written over each other, and neither be further left."""
    for i in range(1, len(glyphs)):
        alef, lam = glyphs[i - 1], glyphs[i]
        if lam.text[0] == LAM and alef.text[0] in ALEFS and alef.x - lam.x < LAM_ALEF * lam.height:
            glyphs[i - 1 : i + 1] = [lam, alef]
    return glyphs


def _without_stretches(glyphs: Iterable[Glyph]) -> list[Glyph]:
    """Without the strokes that stretch a word: they are no letters, and come as tatweels or as any letter at all."""
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
            kept.append(glyph._replace(text=" "))  # a sign without a name, between Latin words
    return kept


def _from_the_right(glyph: Glyph) -> float:
    """A space at the end of a line may stand in its last letter's place."""
    return 0.5 - glyph.x if glyph.text == " " else -glyph.x


def _with_spaces(glyphs: Sequence[Glyph]) -> list[Glyph]:
    """From right to left, with a space in each gap that has none."""
    spaced: list[Glyph] = []
    edge = 0.0  # the furthest left so far
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


def _readable(glyphs: Sequence[Glyph], is_arabic: bool) -> Iterator[Glyph]:
    """Glyphs from right to left as they are read: what runs from left to right is turned round."""
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


def _latin_readable(glyphs: Sequence[Glyph], is_arabic: bool) -> Iterator[Glyph]:
    """Glyphs from right to left as a Latin line is read: from the left, but for stretches of right-to-left words."""
    kinds = "".join([_kind_of(glyph.text[0]) for glyph in glyphs])
    end = len(glyphs)
    for words in reversed(list(RIGHT_TO_LEFT_WORDS.finditer(kinds))):
        yield from reversed(glyphs[words.end() : end])
        yield from _readable(glyphs[words.start() : words.end()], is_arabic)
        end = words.start()
    yield from reversed(glyphs[:end])


def _is_arabic(glyphs: Sequence[Glyph], at: int) -> bool:
    return ARABIC.match(glyphs[at].text) is not None


@lru_cache(4096)
def _kind_of(letter: str) -> str:
    """r: read from right to left, l: Latin and the like, 1: a figure; a full stop for what is none of them."""
    if letter.isalpha():
        return "r" if letter in LETTERS else "l"
    return "1" if letter.isdecimal() else "."


def _run(glyphs: Sequence[Glyph], kinds: str, at: int, is_arabic: bool) -> tuple[int, int]:
    """Where the next Latin words or figure begin and end; all that stands before them is read from right to left."""
    stop = kinds.find("r", at)
    stop = len(kinds) if stop < 0 else stop
    start = next((i for i in range(at, stop) if kinds[i] != "."), stop)
    end = kinds.rfind("l", start, stop) + 1
    if end and not _is_measure(glyphs, kinds, start, end):
        return _with_bracket(glyphs, at, _with_hyphen(glyphs, at, start, end), end), end
    end = _end_of_figure(glyphs, kinds, start, stop, WITHIN_FIGURES if is_arabic else WITHIN_FIGURES + "+-")
    if end < stop and glyphs[end].text in BESIDE_FIGURES and not is_arabic:
        end += 1
    # Where a line begins with a share, some programs no longer know that Arabic stands before it.
    if start > at and glyphs[start - 1].text in (SHARES if is_arabic else BESIDE_FIGURES):
        start -= 1
    return _with_hyphen(glyphs, at, start, end), end


def _with_hyphen(glyphs: Sequence[Glyph], at: int, start: int, end: int) -> int:
    """Where a run begins that is broken behind its hyphen at the end of the line, as of equivs-build or 2015-2019."""
    has_one = end == len(glyphs) and start > at and glyphs[start - 1].text == "-"
    return start - 1 if has_one and (start - 1 == at == 0 or glyphs[start - 2].text == " ") else start


def _is_measure(glyphs: Sequence[Glyph], kinds: str, start: int, end: int) -> bool:
    """10 GB: here the figure comes first, unlike in Windows 10, which looks the same from right to left."""
    first = kinds.find("l", start)
    return kinds[start] == "1" and "".join(glyph.text for glyph in glyphs[first:end])[::-1] in UNITS


def _with_bracket(glyphs: Sequence[Glyph], at: int, start: int, end: int) -> int:
    """Where Latin words begin whose last bracket closes one that opens among them, or whose last figure is a share."""
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
