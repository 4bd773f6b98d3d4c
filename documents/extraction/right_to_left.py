"""PDFium puts figures and brackets of right-to-left lines in the wrong place: what belongs before or behind them.

It reads a line as it stands on the page, from left to right, and turns round what is Hebrew or Arabic. A full stop
behind a year stands left of the year there, and comes out before it; a bracket that was mirrored comes out mirrored.
"""

import re

LETTER = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
HAS_LETTER = re.compile(f"[{LETTER}]")
LINE = re.compile(r"[^\r\n\ufffe]+")
OTHER_LETTER = re.compile(rf"[^\W\d_{LETTER}]")
# 2019, 12/05/2020, 3.5, $5, 12%: with what stands before them that should follow, and the hyphen that should go before
FIGURE = re.compile(
    rf"(?:^|(?<=[\s{LETTER}]))(?P<follows>[.,:;!?%\u060c\u061b\u061f\u066a]{{0,3}})"
    r"(?P<figure>[$€£₪]?\d(?:[\d.,:/\u066b\u066c–-]{0,24}\d)?[%\u066a]?)"
    rf"(?P<hyphen>-?)(?=[\s{LETTER}]|$)"
)
RANGE = re.compile(
    r"([1-9]\d{0,5})([-–])([1-9]\d{0,5})"
)  # from right to left, too: the larger end comes out first
OPENING, CLOSING = "([{«", ")]}»"
MIRRORED = str.maketrans(OPENING + CLOSING, CLOSING + OPENING)
SOLID = r"[^\s.,:;!?\u060c\u061b\u061f]"
# A bracket that closes where a word begins, or opens where one ends.
TURNED_BRACKET = re.compile(
    rf"(?:^|(?<=\s))[)\]}}»](?={SOLID})|(?<={SOLID})[(\[{{«](?=[\s.,:;!?\u060c\u061b\u061f]|$)"
)


def mend_order(text: str) -> str:
    """The text with figures and brackets of right-to-left lines as they were written; as long as before."""
    return LINE.sub(_mended, text) if HAS_LETTER.search(text) else text


def _mended(match: re.Match[str]) -> str:
    line = match.group()
    if len(HAS_LETTER.findall(line)) <= len(OTHER_LETTER.findall(line)):
        return line
    line = FIGURE.sub(_figure, line)
    return TURNED_BRACKET.sub(lambda bracket: bracket.group().translate(MIRRORED), line)


def _figure(match: re.Match[str]) -> str:
    follows, figure, hyphen = match.group("follows", "figure", "hyphen")
    if (ends := RANGE.fullmatch(figure)) and int(ends[1]) > int(ends[3]):
        figure = ends[3] + ends[2] + ends[1]
    if HAS_LETTER.match(match.string[match.start() - 1 : match.start()]):
        return hyphen + figure + follows[::-1]
    return figure + hyphen + follows[::-1]
