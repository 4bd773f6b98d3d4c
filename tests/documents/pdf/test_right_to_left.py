import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.extraction import extract_pages
from documents.extraction.cleanup.bidi import Glyph, read_line, with_marks
from tests.support.made.pdfs import make_pdf


def glyphs_of(line):
    """The glyphs of a line, as it is seen from left to right; each a unit wide."""
    return [Glyph(letter, (i,), i, i, i + 1, 1.0) for i, letter in enumerate(line)]


def read(line):
    return read_line(glyphs_of(line))[0]


@pytest.mark.parametrize(
    ("seen", "written"),
    [
        (".2019 ماع يف دازو", "وزاد في عام 2019."),
        ("دازو ،45 ددعلا غلب", "بلغ العدد 45، وزاد"),
        ("ناكسلا نم %12 ةبسن", "نسبة 12% من السكان"),
        ("نيب 3.9%", "3.9% بين"),
        ("أدب )2019( ماع يف", "في عام (2019) بدأ"),
        ("وه «اذه»", "«هذا» هو"),
        (".]13[ لاقملاو ،]12[ باتكلا", "الكتاب [12]، والمقال [13]."),
        ("ةرم 1995-1990 نم", "من 1990-1995 مرة"),
        ("ןוילימ 45-כב ,2019 תנשב", "בשנת 2019, בכ-45 מיליון"),
        ("2015-2019 םינשה ןיב", "בין השנים 2015-2019"),
        ("2015- םינשה ןיב", "בין השנים 2015-"),
        ("ש 10-ו ,$5 לש ריחמ", "מחיר של $5, ו-10 ש"),
        ("לבא ,Windows 10-ל ורבע", "עברו ל-Windows 10, אבל"),
        ("דרי ,GB 10 לש ץבוק", "קובץ של 10 GB, ירד"),
        ("בותכ UTF-8 ךותב", "בתוך UTF-8 כתוב"),
        ("חתפנ PDF (1.7) ץבוק", "קובץ PDF (1.7) נפתח"),
        ("חתפנ ,(netstat)8 ץבוק", "קובץ netstat(8), נפתח"),
        ("חתפנ ,(a)b(c)d ץבוק", "קובץ a)b(c)d), נפתח"),
        ("ןושאר ףיעס .1", "1. סעיף ראשון"),
        (".Firefox", "Firefox."),
    ],
)
def test_a_line_is_read_from_right_to_left_its_figures_and_latin_words_from_left_to_right(seen, written):
    assert read(seen) == written


def test_letters_far_apart_are_two_words_and_a_stretched_letter_is_one():
    apart = [Glyph("ב", (0,), 10.0, 10.0, 15.0, 10.0), Glyph("א", (1,), 0.0, 0.0, 7.0, 10.0)]
    assert read_line(apart) == ("ב א", [0, -1, 1])
    assert read("بــتك") == "كتب"
    assert read("ىتDح") == "حتى"


def test_lam_and_alef_that_are_written_over_each_other_begin_with_lam():
    glyphs = [Glyph("ا", (0,), 5.1, 5.1, 9.0, 10.0), Glyph("ل", (1,), 5.0, 5.0, 9.0, 10.0)]
    assert read_line(glyphs)[0] == "لا"


def test_a_mark_follows_the_letter_that_it_stands_over():
    damma, shadda, fatha = "\u064f", "\u0651", "\u064e"
    letters = glyphs_of("قح")
    marked = with_marks(letters, Glyph(fatha, (8,), 1.2, 1.2, 1.8, 1.0))
    marked = with_marks(marked, Glyph(shadda, (9,), 1.2, 1.2, 1.8, 1.0))
    marked = with_marks(marked, Glyph(damma, (7,), 0.2, 0.2, 0.8, 1.0))
    assert read_line(marked) == ("ح" + shadda + fatha + "ق" + damma, [1, 9, 8, 0, 7])


def test_a_letter_that_is_told_once_more_with_its_mark_is_read_once():
    tanwin = "\u064b"
    over_it = Glyph("ا" + tanwin, (7, 8), 0.1, 0.1, 0.9, 1.0)
    assert read_line(with_marks(glyphs_of("اق"), over_it))[0] == "قا" + tanwin
    beside_it = over_it._replace(x=-1.0, left=-1.0, right=-0.1)
    assert read_line(with_marks(glyphs_of("اق"), beside_it))[0] == "قاا" + tanwin


@given(st.text(alphabet="אبل12.,:;%-–()[]«» a", min_size=1, max_size=40))
def test_no_letter_is_lost_and_each_keeps_its_place(seen):
    text, places = read_line(glyphs_of(seen))
    brackets = dict.fromkeys(map(ord, "()[]«»"), "|")
    assert len(text) == len(places)
    for letter, place in zip(text, places, strict=True):
        assert place == -1 or letter.translate(brackets) == seen[place].translate(brackets)
    assert sorted(filter(str.isdecimal, text)) == sorted(filter(str.isdecimal, seen))


@pytest.mark.parametrize(
    ("seen", "written"),
    [
        ("The word בכלמ means a king.", "The word מלכב means a king."),
        ("In 2019 הבוט הנש, and 12 more.", "In 2019 שנה טובה, and 12 more."),
    ],
)
def test_a_latin_line_is_read_from_left_to_right_its_hebrew_words_from_right_to_left(seen, written):
    assert read_line(glyphs_of(seen), is_left_to_right=True)[0] == written


def test_a_latin_word_is_whole_though_its_first_letter_is_told_with_the_word_beside_it(tmp_path):
    word = "\u062d\u064e\u0628\u064a\u0628\u064a"
    told = "".join(f"{ord(letter):04x}" for letter in word + " h").encode()
    cmap = (
        b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 4 beginbfchar <68> <%s> <61> <0061> "
        b"<62> <0062> <69> <0069> endbfchar endcmap" % told
    )
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 900 0 R>>"
    stream = b"<</Length %d>>\nstream\n%s\nendstream" % (len(cmap), cmap)
    made = make_pdf(
        tmp_path / "told.pdf", [b"BT /F1 11 Tf 72 700 Td (habibi) Tj ET"], extra={3: font, 900: stream}
    )
    text = extract_pages(made, media_type="application/pdf").pages[0].text
    assert "habibi" in text
    assert word in text
