"""A long report in two justified columns with hyphens at line ends, and the paragraphs it was set from."""

import random
from itertools import islice

from tests.support.made.pdfs import make_pdf

HEADER = "Harbour Commission of Osterwik"
LEFTS, COLUMN = (60, 308), 227
SIZE, LEADING, LINES = 10, 14, 50
# Widths of Helvetica's letters in thousandths of its size; those of most are 556.
WIDTHS = dict.fromkeys("ckszxyvJ", 500) | dict.fromkeys("ft .,I", 278) | dict.fromkeys("ijl", 222)
WIDTHS |= {"r": 333, "-": 333, "m": 833, "w": 722, "M": 833, "W": 944} | dict.fromkeys("ABEKPSVXY", 667)
WIDTHS |= dict.fromkeys("CDHNRU", 722) | dict.fromkeys("GOQ", 778) | dict.fromkeys("FTZ", 611)

# A stroke is where a word may be broken, a hyphen its own.
NOUNS = """com/mis/sion har/bour light/house pi/lot break/wa/ter ware/house dredg/er in/spec/tor sig/nal ton/nage
    an/chor/age reg/is/ter cap/tain mer/chant schoo/ner pas/sen/ger reg/u/la/tion em/bank/ment mod/ern/i/sa/tion
    in/sur/ance ma/chin/ery ex/pen/di/ture as/sem/bly tele/graph car/pen/ter es/tab/lish/ment quay crane tide"""
ADJECTIVES = """south/ern pre/lim/i/nary re/spon/si/ble ex/traor/di/nary tem/po/rary nav/i/ga/ble con/sid/er/able
    well-known self-gov/ern/ing mu/nic/i/pal com/mer/cial north/ern pub/lic old new"""
VERBS = """in/spect/ed main/tained re/placed con/struct/ed aban/doned re/port/ed de/scribed en/larged
    ad/min/is/tered mod/ern/ised ex/am/ined sold built"""
PLACES = """be/side the es/tu/ary|dur/ing the win/ter of the fol/low/ing year|with/out any fur/ther con/sul/ta/tion
    |by or/der of the gov/er/nor|at the ex/pense of the un/der/writ/ers|in the third quar/ter of 1911"""


def make_report(path, pages=40, seed=1):
    """Write the report; returns its paragraphs and the rows of its tables."""
    chance = random.Random(seed)
    texts, rows = [], []
    lines = _lines(chance, texts, rows)
    contents = []
    for number in range(1, pages + 1):
        columns = [list(islice(lines, LINES)) for _ in LEFTS]
        furniture = [_shown(HEADER, LEFTS[0], 800), _shown(f"Page {number} of {pages}", 270, 30)]
        shown = [_column(column, left) for column, left in zip(columns, LEFTS, strict=True)]
        contents.append(b"\n".join([*furniture, *shown]))
    make_pdf(path, contents)
    return texts[:-1], rows[:-6]  # the end of the last ones may not have found room


def _lines(chance, texts, rows):
    """Without end: each line with the space that is added between its words, None for a blank one."""
    while True:
        words = _paragraph(chance)
        texts.append(" ".join(words).replace("/", ""))
        yield from _broken(words)
        yield None, 0
        if len(texts) % 9 == 0:
            table = [
                "Year Ships Tons",
                *(f"{y} {chance.randrange(999)} {chance.randrange(9999)}" for y in range(1901, 1906)),
            ]
            rows += table
            yield from ((row, 0) for row in [*table, None])


def _paragraph(chance):
    sentences = []
    for _ in range(chance.randrange(2, 6)):
        first, second, third = (
            f"{chance.choice(ADJECTIVES.split())} {chance.choice(NOUNS.split())}" for _ in range(3)
        )
        verb, place = chance.choice(VERBS.split()), chance.choice(PLACES.split("|")).strip()
        sentences.append(f"The {first} and the {second} {verb} the {third} {place}.")
    return " ".join(sentences).split()


def _broken(words):
    line = []
    for word in words:
        pieces = word.replace("-", "-\0/").split("/")
        whole = word.replace("/", "")
        if _width([*line, whole]) <= COLUMN:
            line.append(whole)
            continue
        fitting = 0
        for count in range(1, len(pieces)):
            if _width([*line, _head(pieces, count)]) <= COLUMN:
                fitting = count
        if fitting:
            line.append(_head(pieces, fitting))
        yield " ".join(line), (COLUMN - _width(line)) / max(1, len(line) - 1)
        line = ["".join(pieces[fitting:]).replace("\0", "")]
    yield " ".join(line), 0


def _head(pieces, count):
    head = "".join(pieces[:count])
    return head.replace("\0", "") if head.endswith("\0") else head.replace("\0", "") + "-"


def _width(words):
    return sum(WIDTHS.get(letter, 556) for letter in " ".join(words)) * SIZE / 1000


def _column(lines, left):
    shown = [b"%.3f Tw (%s) Tj T*" % (space, line.encode()) if line else b"T*" for line, space in lines]
    return b"BT /F1 %d Tf %d TL %d 770 Td %s ET" % (SIZE, LEADING, left, b"\n".join(shown))


def _shown(line, left, top):
    return b"BT /F1 9 Tf 0 Tw %d %d Td (%s) Tj ET" % (left, top, line.encode())
