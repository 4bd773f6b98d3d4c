"""Text of different blocks of a page is never one sentence: figures, printer's marks, cells, columns, captions."""

import pytest

from documents.extraction import extract_pages
from documents.ingestion.sentences import sentences
from tests.support.made.pdfs import make_pdf

PROSE = (
    "The harbour was closed for three months while the engineers looked for the leak",
    "and then for another one, which was found in the end and mended with great care",
)


def placed(*words):
    """A content stream with each text (left, baseline, text) where it is put, 11 points high."""
    return b" ".join(b"BT /F1 11 Tf %d %d Td (%s) Tj ET" % (x, y, text.encode()) for x, y, text in words)


def sentences_of(path, *words):
    made = make_pdf(path / "blocks.pdf", [placed(*words)])
    text = extract_pages(made, media_type="application/pdf").pages[0].text
    return [" ".join(text[start:end].split()) for start, end in sentences(text)]


def test_labels_of_a_figure_side_by_side_are_not_one_sentence(tmp_path):
    found = sentences_of(tmp_path, (72, 500, "Input text"), (220, 500, "Encoder"), (380, 500, "Decoder"))
    assert found == ["Input text", "Encoder", "Decoder"]


def test_labels_of_a_figure_one_above_the_other_are_not_one_sentence(tmp_path):
    assert sentences_of(tmp_path, (72, 500, "Encoder"), (72, 485, "Decoder"), (72, 470, "Output")) == [
        "Encoder",
        "Decoder",
        "Output",
    ]


def test_labels_that_step_across_the_page_are_not_one_sentence(tmp_path):
    found = sentences_of(tmp_path, (72, 500, "Sales"), (150, 540, "Growth in Europe"), (300, 530, "Profit"))
    assert found == ["Sales", "Growth in Europe", "Profit"]


@pytest.mark.parametrize(
    "mark", ["2024-01-01 page 3 file.indd 12:03", "Handbuch_Kern.indd   7   02.03.24   11:45"]
)
def test_what_the_printer_notes_beside_the_page_is_no_part_of_its_text(tmp_path, mark):
    prose = [(72, 700 - 14 * number, line) for number, line in enumerate(PROSE)]
    found = sentences_of(tmp_path, *prose, (72, 672, "for the winter."), (72, 658, mark))
    assert found == [" ".join([*PROSE, "for the winter."])]


def test_a_caption_does_not_go_on_with_the_line_above_it(tmp_path):
    prose = [(72, 700 - 14 * number, line) for number, line in enumerate(PROSE)]
    found = sentences_of(tmp_path, *prose, (72, 672, "Figure 3: The harbour in winter"))
    assert found == [" ".join(PROSE), "Figure 3: The harbour in winter"]


def test_a_paragraph_goes_on_in_the_next_column(tmp_path):
    left = ["The harbour was closed for three months", "while the engineers looked for the leaks"]
    right = ["and then for another one, which at last", "was found and mended with great care."]
    words = [(72, 120 - 14 * number, line) for number, line in enumerate(left)]
    words += [(330, 700 - 14 * number, line) for number, line in enumerate(right)]
    assert sentences_of(tmp_path, *words) == [" ".join([*left, *right])]


def test_rows_of_words_are_a_sentence_each(tmp_path):
    rows = [
        ("Austria", "Vienna", "German"),
        ("Belgium", "Brussels", "Dutch and French"),
        ("Denmark", "Copenhagen", "Danish"),
    ]
    words = [
        (left, 700 - 15 * number, cell)
        for number, row in enumerate(rows)
        for left, cell in zip((72, 220, 380), row, strict=True)
    ]
    assert sentences_of(tmp_path, *words) == [" | ".join(row) for row in rows]


def test_a_page_that_ends_with_a_small_label_does_not_go_on_with_the_next(tmp_path):
    first = (
        placed((72, 700, PROSE[0]), (72, 686, PROSE[1] + "."))
        + b" BT /F1 6 Tf 72 600 Td (Axis of time) Tj ET"
    )
    made = make_pdf(
        tmp_path / "pages.pdf", [first, placed((72, 700, "and so it went on in the other years."))]
    )
    assert not any(
        page.continues_paragraph for page in extract_pages(made, media_type="application/pdf").pages
    )
