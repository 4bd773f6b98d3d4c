"""Signs of TeX's fonts, whose names PDFium does not know, and accents that are printed over their letters."""

from pathlib import Path

import pytest

from documents.extraction import extract_pages
from documents.extraction.cleanup.clean_pages import raw_range
from documents.extraction.render.client import locate_text
from tests.support.made.pdfs import make_pdf

# As TeX's fonts are, without a table of what their codes stand for.
WIDTHS = b"/FirstChar 0/LastChar 127/Widths[%s]" % b" ".join([b"500"] * 128)
FONT = b"/%s<</Type/Font/Subtype/Type1/BaseFont/ABCDEF+%s%s/Encoding<</Differences[%s]>>>>"
SIGNS = (
    b"48/prime 50/element 54/negationslash 55/mapsto 61/equal 62/arrowright 104/angbracketleft"
    b" 105/angbracketright 107/bardbl"
)
EXTENSIBLE = b"16/parenleftBig 17/parenrightBig 80/summationtext 91/uniondisplay"
FONTS = (FONT % (b"SY", b"CMSY10", WIDTHS, SIGNS)) + (FONT % (b"EX", b"CMEX10", WIDTHS, EXTENSIBLE))


def made(path, shown):
    return make_pdf(path / "signs.pdf", [b"BT 72 770 Td %s ET" % shown], fonts=FONTS)


def text_of(path, shown):
    return extract_pages(Path(made(path, shown)), media_type="application/pdf").pages[0].text


def roman(text):
    return b"/F1 11 Tf (%s) Tj " % text


def symbols(text, font=b"SY"):
    return b"/%s 11 Tf (%s) Tj " % (font, text)


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        (roman(b"Then ") + symbols(b"y0 2 M") + roman(b"."), "Then y′ ∈ M."),
        (symbols(b"kxk 2 M") + roman(b" is a norm."), "‖x‖ ∈ M is a norm."),
        (symbols(b"hx, yi 2 M"), "⟨x, y⟩ ∈ M"),
        (roman(b"If ") + symbols(b"x 6= y 2 M") + roman(b" then"), "If x ≠ y ∈ M then"),
        (roman(b"Let ") + symbols(b"x 7> y") + roman(b" map"), "Let x ↦ y map"),
        (symbols(b"\\020x\\021", b"EX") + roman(b" is large"), "(x) is large"),
        (symbols(b"Px, [y", b"EX") + symbols(b"2 M"), "∑x, ⋃y∈ M"),
    ],
)
def test_a_sign_of_a_tex_font_is_read_as_the_sign_that_is_printed(tmp_path, shown, read):
    assert text_of(tmp_path, shown) == read


def test_letters_and_figures_of_other_fonts_beside_signs_stay_what_they_are(tmp_path):
    shown = roman(b"In 0 of 6 kits k is in h, i or P 0 ") + symbols(b"2 M")
    assert text_of(tmp_path, shown) == "In 0 of 6 kits k is in h, i or P 0 ∈ M"


@pytest.mark.parametrize(
    ("accent", "letter", "read"),
    [(0xA8, b"a", "ä"), (0xB4, b"e", "é"), (0x60, b"e", "è"), (0xAF, b"x", "x\u0304")],
)
def test_an_accent_over_a_letter_is_one_with_it(tmp_path, accent, letter, read):
    # The accent of 333 thousandths stands over the middle of the letter behind it.
    shown = b"/F1 11 Tf [(The Universit%c) 440 (%st of \374bung is old.)] TJ" % (accent, letter)
    assert text_of(tmp_path, shown) == f"The Universit{read}t of übung is old."


def test_an_accent_beside_a_letter_stays_a_sign_of_its_own(tmp_path):
    assert text_of(tmp_path, roman(b"The sign \264 a typist \374bt.")) == "The sign ´ a typist übt."


def test_words_behind_signs_are_found_where_they_are_printed(tmp_path):
    path = made(tmp_path, roman(b"Let ") + symbols(b"x 7> y 6= M 2 M") + roman(b" and be happy."))
    page = extract_pages(Path(path), media_type="application/pdf").pages[0]
    assert page.text == "Let x ↦ y ≠ M ∈ M and be happy."
    first, last = (raw_range(page.runs, at, at + 2) for at in (0, page.text.index("be happy")))
    left, right = (locate_text(Path(path), 1, [found]).rectangles[0] for found in (first, last))
    assert left[0] < 0.15 < 0.25 < right[0] < 0.45
