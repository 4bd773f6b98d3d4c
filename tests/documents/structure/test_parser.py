"""Parsing stored texts into headings, lists and tables."""

import time

import pytest

from documents.extraction.pages import Heading as Marked
from documents.structure.kinds import (
    Code,
    Contents,
    Heading,
    ItemList,
    KeyValues,
    Paragraph,
    Table,
)
from documents.structure.parser import blocks

CSV, MARKDOWN = "text/csv", "text/markdown"


def kinds(text, *args):
    return [type(block) for block in blocks(text, *args)]


def only(kind, text, *args):
    return next(block for block in blocks(text, *args) if isinstance(block, kind))


def rows(table):
    return [table.labelled(row) for row in table.rows]


def test_rows_are_read_with_the_names_of_their_columns():
    text = "Who | Cakes | Bread\nPensioners | 10 % | 5 %\nStudents |  | 10 %"

    table = only(Table, text)

    assert table.header == ["Who", "Cakes", "Bread"]
    assert rows(table) == ["Who: Pensioners; Cakes: 10 %; Bread: 5 %", "Who: Students; Bread: 10 %"]
    cell = table.rows[0].cells[1]
    assert text[cell.start : cell.end] == cell.text == "10 %"
    assert text[table.rows[1].start : table.rows[1].end] == "Students |  | 10 %"


def test_the_cells_of_labelled_rows_lose_their_labels():
    text = "Item | Price | Weight\nItem: Tea | Price: 3 | Weight: 100 g\nItem: Salt | Weight: 1 kg: fine"

    table = only(Table, text)

    assert table.header == ["Item", "Price", "Weight"]
    assert [cell.text for cell in table.rows[1].cells] == ["Salt", "", "1 kg: fine"]
    cell = table.rows[0].cells[1]
    assert text[cell.start : cell.end] == "3"


def test_labelled_rows_name_their_columns_where_the_header_is_missing():
    table = only(Table, "Item: Tea | Price: 3\nItem: Salt | Price: 1\nItem: Flour", [], CSV)

    assert table.header == ["Item", "Price"]
    assert rows(table) == ["Item: Tea; Price: 3", "Item: Salt; Price: 1", "Item: Flour"]


def test_a_header_of_two_rows_names_each_column_by_both():
    labelled = "Region | 2024 |  | 2025\n | Plan | Actual | Plan\nRegion: North | 2024 Plan: 3 | Actual: 4 | 2025 Plan: 5"

    assert rows(only(Table, labelled)) == ["Region: North; 2024 Plan: 3; Actual: 4; 2025 Plan: 5"]


def test_years_may_name_columns():
    table = only(Table, "Cost | 2023 | 2024\nStaff | 4,020 | 4,198\nMedia | 801 | 846")

    assert rows(table)[1] == "Cost: Media; 2023: 801; 2024: 846"


def test_a_table_of_figures_alone_has_no_header():
    assert only(Table, "1990 | 1991\n1992 | 1993").header == []


def test_a_markdown_table_is_read_without_its_bars_and_markup():
    text = "| Code | **Meaning** |\n|:--|---|\n| `E1` | Coin box full |\n| E2 | see [here](https://x.org) |"

    table = only(Table, text, [], MARKDOWN)

    assert table.header == ["Code", "Meaning"]
    assert rows(table) == ["Code: E1; Meaning: Coin box full", "Code: E2; Meaning: see here"]


def test_the_title_above_a_table_is_its_caption():
    text = "Running costs, plan 2025\n\nBranch | Staff\nHarbour | 603\nElmfield | 655"

    assert only(Table, text).caption == "Running costs, plan 2025"
    assert only(Table, "They are these.\n\n" + text.partition("\n\n")[2]).caption == ""


def test_a_row_of_one_cell_belongs_to_its_sheet():
    table = only(Table, "Item | Price\nDrinks\nTea | 3\nWater", [], CSV)

    assert [[cell.text for cell in row.cells] for row in table.rows] == [["Drinks"], ["Tea", "3"], ["Water"]]


def test_figures_without_separators_are_columns():
    table = only(
        Table, "Kind of cost 2023 2024\nStaff and pensions 4,020,000 4,198,000\nComputers 268,000 289,000"
    )

    assert rows(table)[0] == "Kind of cost: Staff and pensions; 2023: 4,020,000; 2024: 4,198,000"


def test_a_list_knows_its_items_and_the_sentence_that_announces_it():
    text = "We are open.\n\nBring these things:\n\n- a pen\n- paper,\n  ruled\n\n- glue\n\nThank you."

    found = only(ItemList, text)

    assert [item.text for item in found.items] == ["a pen", "paper, ruled", "glue"]
    assert text[slice(*found.lead)] == "Bring these things:"
    assert not found.is_numbered
    assert text[found.items[0].words :].startswith("a pen")


def test_numbered_steps_are_a_list_and_a_single_number_is_none():
    assert only(ItemList, "1. Open it.\n2. Turn the wheel.").is_numbered
    assert kinds("3. The board agreed to it.") == [Paragraph]
    assert kinds("5. Mai 2025\n6. Juni 2025") == [Paragraph]


def test_keys_and_values_are_pairs():
    text = "Present: Aurel Dantry,\nInes Harcombe\nChair: Aurel Dantry\nMinutes by Hester"

    first, second = blocks(text)

    assert [(line.key, line.value) for line in first.lines] == [
        ("Present", "Aurel Dantry, Ines Harcombe"),
        ("Chair", "Aurel Dantry"),
    ]
    assert isinstance(second, Paragraph)


def test_the_head_of_a_mail_is_known():
    found = only(KeyValues, "From: Ann <ann@example.org>\nTo: Bob\nSubject: Hall\n\nDear Bob,")

    assert found.is_mail_head


def test_a_sentence_with_a_colon_is_prose():
    assert kinds("Remember: the machine must be off.") == [Paragraph]


def test_a_table_of_contents_is_no_prose():
    found = only(Contents, "Contents\n1 Purpose . . . . . . 3\nAnnex ............ iv\n\nText.")

    assert found.entries == [("1 Purpose", "3"), ("Annex", "iv")]
    without_leaders = only(Contents, "Contents\n\n1 | Purpose | 3\n2 | Gifts | 4\n3 | Annex | 9")
    assert without_leaders.entries[0] == ("1 Purpose", "3")


def test_marked_headings_are_headings_and_lines_that_look_like_one_are_guesses():
    text = "Leave\n\nYou get 28 days.\n\nHOW TO BEGIN\nTalk to us.\n\n3.1 Criteria\n• Demand\n• Price"

    marked, guess, numbered = (
        block for block in blocks(text, [Marked(0, 2, "Leave")]) if isinstance(block, Heading)
    )

    assert (marked.title, marked.level, marked.is_guess) == ("Leave", 2, False)
    assert (guess.title, guess.is_guess) == ("HOW TO BEGIN", True)
    assert numbered.title == "3.1 Criteria"


def test_markdown_headings_and_code_are_blocks():
    text = "# Manual\n\nRun *it*.\n\n```sh\n# no heading\n| a | b |\n```\n\nTitle\n=====\n\nEnd."

    assert kinds(text, [Marked(0, 1, "Manual"), Marked(text.index("Title"), 1, "Title")], MARKDOWN) == [
        Heading,
        Paragraph,
        Code,
        Heading,
        Paragraph,
    ]


def test_the_mail_that_is_answered_is_quoted():
    assert [block.is_quoted for block in blocks("Yes.\n\n> Do you come?\n> Ann")] == [False, True]


def test_every_word_belongs_to_one_block():
    text = "A | B\n1 | 2\nprose after it\n- item\nKey: value\nOther: value\nTotal 1 2\nSum 3 4\n\n| lone\n\n||\n|-|\n"

    found = blocks(text)

    covered = [place for block in found for place in range(block.start, block.end)]
    assert len(covered) == len(set(covered))
    assert all(text[place].isspace() for place in set(range(len(text))) - set(covered))


def test_blocks_can_be_moved():
    for text in ("A | B\n1 | 2\n3 | 4", "See:\n\n- a\n- b", "A: b\nC: d", "One. Two."):
        for plain, moved in zip(
            blocks("\n" * 7 + text), (block.moved(7) for block in blocks(text)), strict=True
        ):
            assert plain == moved


@pytest.mark.parametrize(
    "text",
    [
        "a | " * 60_000,
        "| x |\n" * 40_000,
        "- " * 100_000,
        "key: " * 50_000,
        "1 " * 100_000,
        "1 2\n" * 50_000,
        ". . " * 60_000 + "3",
        "a: b | c: d\n" * 20_000,
        "**" * 50_000,
        "Item\n" * 40_000,
        "x,\n" * 60_000,
        "|" * 200_000,
        "- a\n\n" * 50_000,
        "cat x | sort;\n" * 15_000,
        "a .... 3\n\nb\n\n" * 15_000,
        "A" * 200_000,
        "\n" * 200_000,
        " " * 200_000,
    ],
)
@pytest.mark.parametrize("media_type", ["text/plain", MARKDOWN, CSV])
def test_hostile_texts_take_no_longer_than_others(text, media_type):
    started = time.process_time()

    blocks(text, [], media_type)

    assert time.process_time() - started < 4
