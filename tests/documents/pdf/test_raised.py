"""Raised and lowered letters: the sentence in which they are stays one, and they stay where they are in it."""

import re
from pathlib import Path

import pytest

from documents.extraction import extract_pages
from documents.extraction.render.client import locate_text
from documents.ingestion.sentences import sentences
from tests.support.made.pdfs import make_pdf

RAISED, LOWERED = (7, 5.5), (7, -3)  # size and rise beside letters of 11 points
MARKED = re.compile(r"\^\{(.*?)\}|_\{(.*?)\}")


def line_of(text):
    """Operators that show a line in which ^{...} is raised and _{...} lowered."""
    shown, at = [], 0
    for mark in MARKED.finditer(text):
        shown.append((text[at : mark.start()], 11, 0))
        shown.append((mark[1] or mark[2], *(RAISED if mark[1] else LOWERED)))
        at = mark.end()
    shown.append((text[at:], 11, 0))
    return b" ".join(b"/F1 %d Tf %.1f Ts %s Tj" % (size, rise, _string(piece)) for piece, size, rise in shown)


def _string(text):
    return b"(" + re.sub(rb"([\\()])", rb"\\\1", text.encode("cp1252")) + b")"


def page_of(*lines, left=72, top=770):
    shown = b" T* ".join(line_of(line) for line in lines)
    return b"BT 15 TL %d %d Td %s ET" % (left, top, shown)


def text_of(path, *lines):
    made = make_pdf(path / "raised.pdf", [page_of(*lines)])
    return extract_pages(Path(made), media_type="application/pdf").pages[0].text


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        (
            "The flat has 25 m^{2}, the hall 30 m^{2} and a garden.",
            "The flat has 25 m2, the hall 30 m2 and a garden.",
        ),
        ("The plant emits CO_{2} and H_{2}SO_{4} every day.", "The plant emits CO2 and H2SO4 every day."),
        ("On the 1^{st} of May the 2^{nd} tenant came.", "On the 1st of May the 2nd tenant came."),
        (
            "It was closed.^{1} Then it opened^{2,3} for ships.",
            "It was closed.1 Then it opened2,3 for ships.",
        ),
        ("Acme^{TM} paint is sold with ^{14}C in it.", "AcmeTM paint is sold with 14C in it."),
        (
            "Then R x R = R^{2} agrees with x_{i+1} on R^{n+1} too.",
            "Then R x R = R2 agrees with xi+1 on Rn+1 too.",
        ),
        ("The ion SO_{4}^{2-} is in the water.", "The ion SO42- is in the water."),
    ],
)
def test_a_sentence_with_raised_letters_is_one_sentence(tmp_path, printed, read):
    text = text_of(tmp_path, printed)
    assert text.replace("²", "2") == read


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("The earth has 6 x 10^{24} kg in all.", "The earth has 6 x 10²⁴ kg in all."),
        ("It was built in 2019^{1} by the town.", "It was built in 2019¹ by the town."),
        ("273.879.750^{12} people live there.", "273.879.750¹² people live there."),
        ("Ten is 1010_{2} for a machine.", "Ten is 1010₂ for a machine."),
    ],
)
def test_a_raised_figure_does_not_become_a_figure_of_the_number_before_it(tmp_path, printed, read):
    assert text_of(tmp_path, printed) == read


def test_a_paragraph_goes_on_over_lines_with_raised_letters(tmp_path):
    text = text_of(
        tmp_path,
        "The harbour has 400 m^{2} of sheds and was closed for three months^{1} while the engineers",
        "^{14}C was found in the water, and 3 m^{3} of it were pumped out on the 3^{rd} of April. Then the",
        "harbour opened again and the first of the ships came in.",
    )
    assert "\n" not in text
    assert [text[start:end] for start, end in sentences(text)][1].startswith("Then the harbour opened again")


def test_each_row_of_a_table_stays_one_line_where_its_cells_have_raised_letters(tmp_path):
    rows = [
        b"(Hall) Tj 200 0 Td (30 m) Tj /F1 7 Tf 4 Ts (2) Tj /F1 11 Tf 0 Ts 150 0 Td (400) Tj -350 -15 Td"
    ] * 3
    made = make_pdf(tmp_path / "table.pdf", [b"BT /F1 11 Tf 72 770 Td " + b" ".join(rows) + b" ET"])
    text = extract_pages(made, media_type="application/pdf").pages[0].text
    assert text.splitlines() == ["Hall | 30 m2 | 400"] * 3


def test_figures_that_run_up_the_page_are_not_raised(tmp_path):
    turned = b"BT /F1 11 Tf 0 1 -1 0 100 100 Tm (Read on 10/12/2012 by 1234 people) Tj ET"
    made = make_pdf(tmp_path / "turned.pdf", [turned])
    text = extract_pages(made, media_type="application/pdf").pages[0].text
    assert text == "Read on 10/12/2012 by 1234 people"


def test_a_quote_with_raised_letters_is_found_on_its_page(tmp_path):
    made = make_pdf(tmp_path / "raised.pdf", [page_of("The flat has 25 m^{2} and a garden.")])
    page = extract_pages(made, media_type="application/pdf").pages[0]
    [[clean, raw, length]] = page.runs
    assert (clean, raw, length) == (0, 0, len("The flat has 25 m2 and a garden."))
    places = locate_text(made.resolve(), 1, [(0, length)])
    assert len(places.rectangles) >= 1
    assert max(left + width for left, _top, width, _height in places.rectangles) > 0.35
