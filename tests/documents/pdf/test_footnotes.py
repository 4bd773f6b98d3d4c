from documents.extraction.cleanup.clean_pages import clean_pages, raw_range
from documents.extraction.raw_page import RawPage


def page_of(*lines):
    """A page of lines (left, baseline, height, text), each letter four points wide."""
    text = "\r\n".join(line[3] for line in lines)
    geometry, at = [], 0
    for left, baseline, height, line in lines:
        geometry.append([at, at + len(line), left, left + 4.0 * len(line), baseline, height])
        at += len(line) + 2
    return RawPage(text, geometry)


BEGUN = (
    (50.0, 200.0, 10.0, "The harbour was closed for three months while the"),
    (
        50.0,
        186.0,
        10.0,
        "engineers looked for the leak and then for another",
    ),
)
NOTES = (
    (50.0, 150.0, 8.0, "1 As the minutes of the harbour board tell in full,"),
    (
        50.0,
        139.0,
        8.0,
        "and the newspapers of that winter as well.",
    ),
)
ENDED = (
    (300.0, 700.0, 10.0, "one, which was found in the end. Then it opened for"),
    (
        300.0,
        686.0,
        10.0,
        "ships of every size, and the first of them came in.",
    ),
)
WHOLE = " ".join(line[3] for line in BEGUN + ENDED)


def test_a_paragraph_is_whole_though_a_footnote_stands_between_its_halves():
    before = (
        (50.0, 230.0, 10.0, "This is what was written of it in those years, then."),
        (50.0, 216.0, 10.0, "Not much."),
    )
    cleaned = clean_pages([page_of(*before, *BEGUN, *NOTES, *ENDED)])[0][0]
    notes = " ".join(line[3] for line in NOTES)
    assert cleaned.text.split("\n\n")[1:] == [notes, WHOLE]
    start = cleaned.text.index(WHOLE)
    marked = raw_range(cleaned.runs, start, start + len(WHOLE))
    assert marked[1] - marked[0] > len(WHOLE)


def test_a_footnote_at_the_end_of_a_page_goes_before_the_paragraph_that_goes_on_over_the_page():
    first, second = clean_pages([page_of(*BEGUN, *NOTES), page_of(*ENDED)])[0]
    assert first.text.endswith("for another")
    assert second.text.startswith("one, which")


def test_a_footnote_after_a_whole_paragraph_stays_where_it_is():
    ended = (
        (50.0, 200.0, 10.0, "The harbour was closed for three months while they"),
        (50.0, 186.0, 10.0, "looked for it."),
    )
    another = ((300.0, 700.0, 10.0, "Another winter came, and with it came another leak."),)
    cleaned = clean_pages([page_of(*ended, *NOTES, *another)])[0][0]
    assert cleaned.text.startswith("The harbour")


def test_small_parts_of_a_formula_stay_where_they_are():
    formula = (
        (50.0, 700.0, 10.0, "Then the sum that was looked for in the beginning is S ="),
        (260.0, 704.0, 7.0, "Theorem four"),
        (310.0, 700.0, 10.0, "one half of all the others, as was to be shown here."),
    )
    cleaned = clean_pages([page_of(*BEGUN, *formula)])[0][0]
    assert cleaned.text.index("S =") < cleaned.text.index("Theorem four") < cleaned.text.index("one half")


def test_the_second_line_of_a_caption_stays_under_the_first():
    captions = (
        (50.0, 400.0, 9.5, "(a) The harbour as it was in the year of the"),
        (50.0, 389.0, 8.0, "great flood of that winter."),
        (300.0, 400.0, 9.5, "(b) The same harbour in our day"),
    )
    cleaned = clean_pages([page_of(*BEGUN, *captions, *ENDED)])[0][0]
    assert cleaned.text.index("year of the") < cleaned.text.index("great flood") < cleaned.text.index("(b)")
