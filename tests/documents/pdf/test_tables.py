"""Tables of PDFs come as rows of cells, also where a header or a cell has several lines."""

from documents.extraction import extract_pages
from tests.documents.pdf.test_blocks import placed
from tests.support.made.pdfs import make_pdf

LEFTS = (72, 220, 320, 430)


def text_of(path, *words):
    made = make_pdf(path / "table.pdf", [placed(*words)])
    return extract_pages(made, media_type="application/pdf").pages[0].text


def cells(*rows, pitch=20, top=700):
    """Each row's cells at the left edges of the columns; a cell of several lines is printed line by line."""
    return [
        (left, top - pitch * number - 13 * line, words)
        for number, row in enumerate(rows)
        for left, cell in zip(LEFTS, row, strict=False)
        if cell
        for line, words in enumerate(cell.split("\n"))
    ]


def test_cells_of_several_lines_are_one_cell_each(tmp_path):
    words = cells(
        ("Branch", "Visits", "New members", "Opening hours\na week"),
        ("Northgate\n(central)", "248,900", "4,310", "58"),
        ("Harbour", "96,400", "2,275", "46"),
        pitch=40,
    )

    assert text_of(tmp_path, *words).split("\n") == [
        "Branch | Visits | New members | Opening hours a week",
        "Northgate (central) | 248,900 | 4,310 | 58",
        "Harbour | 96,400 | 2,275 | 46",
    ]


def test_empty_cells_keep_their_place(tmp_path):
    words = cells(
        ("Who", "Monday", "Tuesday", "Friday"),
        ("Ann", "09:00", "", "10:00"),
        ("", "11:00", "12:00", ""),
        ("Bob", "", "", "13:00"),
    )

    assert text_of(tmp_path, *words).split("\n") == [
        "Who | Monday | Tuesday | Friday",
        "Ann | 09:00 |  | 10:00",
        " | 11:00 | 12:00",
        "Bob |  |  | 13:00",
    ]


def test_the_text_around_a_table_stays_apart(tmp_path):
    prose = "The figures of the harbour cover the months from May to December only, as it was closed"
    words = [
        (72, 740, prose),
        (72, 726, "until then."),
        *cells(("Year", "Ships", "Tons"), ("1901", "12", "400"), ("1902", "14", "500"), top=700),
        (72, 640, prose),
        (72, 626, "until then."),
    ]

    assert text_of(tmp_path, *words).split("\n\n") == [
        f"{prose} until then.",
        "Year | Ships | Tons\n1901 | 12 | 400\n1902 | 14 | 500",
        f"{prose} until then.",
    ]


def test_labels_and_values_are_no_table(tmp_path):
    words = cells(("Name:", "Ann Okell"), ("Street:", "Fish Lane 3"), ("Town:", "Tarnwick"), pitch=15)

    assert text_of(tmp_path, *words).split("\n") == [
        "Name: Ann Okell",
        "Street: Fish Lane 3",
        "Town: Tarnwick",
    ]


def test_numbered_clauses_are_no_table(tmp_path):
    clause = "The tenant shall pay the rent at the beginning of each month without being asked"
    words = [
        word
        for number in range(4)
        for word in ((72, 700 - 15 * number, f"{number + 1}.1"), (160, 700 - 15 * number, clause))
    ]

    assert " | " not in text_of(tmp_path, *words)
