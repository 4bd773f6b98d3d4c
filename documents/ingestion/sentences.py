"""Finds sentence boundaries in most scripts, without a model, in linear time."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

CLOSERS = r"[\"'”’»›)\]」』】》）]"
# First scripts without a space after a full stop, then those with one.
END = re.compile(
    rf"(?<![。！？｡︒…])[。！？｡︒…]++{CLOSERS}*+(?=\S)"
    rf"|(?:(?<![.!?…])[.!?…]++|(?<![؟۔।॥։።။។])[؟۔।॥։።။។]++|(?<![。！？｡])[。！？｡]++){CLOSERS}*+(?P<note>\[\d{{1,3}}\])?(?=\s)"
)
STARTS_NEXT = re.compile(r"\s+[\"'“‘«‹(\[¿¡—–-]*\s?(?P<first>\S)")
TOKEN_BEFORE = re.compile(r"[^\s(\[\"“‘«]{1,20}$")
INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]$")
# A full stop after these does not end a sentence.
NEVER_LAST = """
    dr mr mrs ms prof st sr jr vs cf fig figs nos nr vols pp eds eq eqs sect dept approx ca gen col sgt capt lt rev hon
    gov sen rep pres ave blvd rd mt viz resp incl excl bzw evtl ggf inkl sog vgl hrsg jg bd tel mme mlle env n° sra dna
    pág núm jan feb mar apr jun jul aug sep sept oct nov dec okt dez bspw abb
"""
# These are words too; before a number they are abbreviations.
BEFORE_NUMBERS = "no vol p ed sec ch chap app art par tab s abs str est min max av"
# These may end a sentence, depending on the next word.
MAYBE_LAST = frozenset(("etc", "al", "inc", "ltd", "co", "corp", "usw", "am", "pm"))
ABBREVIATIONS = frozenset(NEVER_LAST.split())
NUMBER_ABBREVIATIONS = frozenset(BEFORE_NUMBERS.split())
MONTHS = re.compile(r"\s+(?:jan|feb|m[aä]r|apr|ma[iy]|ju[nl]|aug|sep|o[kc]t|nov|de[zc])\w*", re.IGNORECASE)
OWN_LINE = re.compile(
    r"[ \t]*(?:#{1,6}\s|[•‣◦▪■●○·∙➢✓*–—+-]\s+\S|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]\s+\S|\||>|```|~~~)"
)
ENDS_LINE = re.compile(r"[.!?:;…。！？：；؟۔।|][\"'”’»)\]」』]*$|^[ \t]*(?:#{1,6}\s|```|~~~|[=-]{3,}\s*$)")
CELLS = " | "  # between the cells of a row
NUMBER_AT_END = re.compile(r"\d[\d.,]*\s?(?:%|€|\))?[^\S\n]*\Z")
BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
MAX_WORD_LENGTH = 60
FIRST_WORD = re.compile(r"\d{1,2}\.?[ ][^\W\d_]+(?:[ ]\d{4})?|\S+")
NARROW_WIDTH = 28  # characters
Span = tuple[int, int]


def sentences(text: str) -> list[Span]:
    """Start and end of every sentence, list item, heading and table row, in order; only white space lies between them."""
    found: list[Span] = []
    begin = 0
    for blank in BLANK_LINE.finditer(text):
        found += _of_paragraph(text, begin, blank.start())
        begin = blank.end()
    found += _of_paragraph(text, begin, len(text))
    return found


def _of_paragraph(text: str, start: int, end: int) -> Iterator[Span]:
    for group_start, group_end in _line_groups(text, start, end):
        yield from _within(text, group_start, group_end)


def _line_groups(text: str, start: int, end: int) -> Iterator[Span]:
    """Groups of lines: wrapped prose is one group, each list item and each row is one."""
    lines = list(_lines(text, start, end))
    width = max((line_end - line_start for line_start, line_end in lines), default=0)
    has_number = [NUMBER_AT_END.search(text, max(s, e - 20), e) is not None for s, e in lines]
    is_wrapped = _is_wrapped(text, lines, width)
    begin = 0
    for i in range(len(lines)):
        # Rows of numbers, and the headings above them.
        is_row = has_number[i + 1 : i + 2] == [True] and (
            has_number[i] or has_number[i + 2 : i + 3] == [True]
        )
        if i + 1 == len(lines) or is_row or _is_break(text, lines[i], lines[i + 1], width, is_wrapped):
            yield lines[begin][0], lines[i][1]
            begin = i + 1


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end:
        newline = text.find("\n", start, end)
        stop = end if newline < 0 else newline
        yield start, stop
        start = stop + 1


def _is_wrapped(text: str, lines: Sequence[Span], width: int) -> bool:
    """Whether most lines end because they are full; rows of words and labels may end anywhere."""
    full = sum(
        line[1] - line[0] + 1 + _first_word(text[after[0] : after[1]]) > width
        for line, after in pairwise(lines)
    )
    return len(lines) < 3 or 2 * full > len(lines) - 1


def _first_word(line: str) -> int:
    """The length of the first word; the words of a date stay together, as in "1 October 2025"."""
    found = FIRST_WORD.match(line[:MAX_WORD_LENGTH])
    return len(found[0]) if found else 0


def _is_break(text: str, line: Span, after: Span, width: int, is_wrapped: bool) -> bool:
    """Whether the line break is intended, not a result of wrapping."""
    if OWN_LINE.match(text, after[0], after[1]):
        return True
    above, below = text[line[0] : line[1]].rstrip(), text[after[0] : after[1]]
    if ENDS_LINE.search(above) or CELLS in above or CELLS in below:
        return True
    if (width < NARROW_WIDTH or not is_wrapped) and below[:1].isupper():
        return True  # labels, names, verses: prose is not wrapped to so few characters
    return len(above) + 1 + _first_word(below) <= width


def _within(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentences of a range of prose."""
    begin = start
    for match in END.finditer(text, start, end):
        if _ends_sentence(text, begin, match, end):
            yield from _trimmed(text, begin, match.end())
            begin = match.end()
    yield from _trimmed(text, begin, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if end > start:
        yield start, end


def _ends_sentence(text: str, begin: int, match: re.Match[str], end: int) -> bool:
    if _next_is_lower(text, match.end(), end):
        return False
    if match.group() != ".":
        return True
    token = TOKEN_BEFORE.search(text, max(begin, match.start() - 20), match.start())
    return token is None or _may_end(text, begin, token, match.end(), end)


def _may_end(text: str, begin: int, token: re.Match[str], after: int, end: int) -> bool:
    """Whether a full stop after this word, with a capital or a number after it, ends a sentence."""
    word = token.group().lower()
    if word.isdecimal():
        is_enumerator = len(word) <= 3 and not text[begin : token.start()].strip()
        return not is_enumerator and not (len(word) <= 2 and MONTHS.match(text, after, end))
    if word in MAYBE_LAST:
        first = STARTS_NEXT.match(text, after, end)
        return first is None or first["first"].isupper()
    if word in NUMBER_ABBREVIATIONS:
        first = STARTS_NEXT.match(text, after, end)
        return first is None or not first["first"].isdecimal()
    if word == "i" or (len(word) == 1 and not word.isalpha()):
        return True
    return word not in ABBREVIATIONS and not INITIALS.fullmatch(word)


def _next_is_lower(text: str, at: int, end: int) -> bool:
    first = STARTS_NEXT.match(text, at, end)
    return first is not None and first["first"].islower()
