import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.extraction.right_to_left import mend_order


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("وزاد في عام .2019", "وزاد في عام 2019."),
        ("بلغ العدد ،45 وزاد", "بلغ العدد 45، وزاد"),
        ("نسبة %12 من السكان", "نسبة 12% من السكان"),
        ("ثم ٣٫٥ و.٪١٢", "ثم ٣٫٥ و١٢٪."),
        ("في عام )2019( بدأ", "في عام (2019) بدأ"),
        ("»هذا« هو", "«هذا» هو"),
        ("الكتاب ]12[، والمقال ]13[.", "الكتاب [12]، والمقال [13]."),
        ("من 1995-1990 مرة", "من 1990-1995 مرة"),
        ("בשנת ,2019 בכ45- מיליון", "בשנת 2019, בכ-45 מיליון"),
        ("נפגשו ב:12/05/2020- ביום", "נפגשו ב-12/05/2020: ביום"),
        ("מחיר של ,$5 ו10- ש", "מחיר של $5, ו-10 ש"),
        (".1 סעיף ראשון", "1. סעיף ראשון"),
    ],
)
def test_figures_and_brackets_of_right_to_left_lines_come_out_as_written(read, written):
    assert mend_order(read) == written
    assert mend_order(written) == written


@pytest.mark.parametrize(
    "line",
    [
        "a share of .5 (half)",
        "The word שלום is put first, .5 of all ) or so",
        ".7",
        "12- 14",
        "מינוס 5- מעלות",
    ],
)
def test_other_lines_stay_as_they_are(line):
    assert mend_order(line) == line


@given(st.text(alphabet="אبل12.,:;%-–()[]«» \r\n\ufffe$a", max_size=60))
def test_no_character_is_lost_and_every_line_stays_in_its_place(text):
    mended = mend_order(text)
    brackets = dict.fromkeys(map(ord, "()[]«»"), "|")
    for before, after in zip(text.splitlines(), mended.splitlines(), strict=True):
        assert sorted(before.translate(brackets)) == sorted(after.translate(brackets))
    assert len(mended) == len(text)
