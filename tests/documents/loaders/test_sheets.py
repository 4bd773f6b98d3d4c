import zipfile

import pytest

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.office.xlsx import load
from documents.extraction.registry import XLSX
from tests.support.made.files import S, package, relations, xlsx


def csv_pages(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return extract_pages(path, media_type="text/csv").pages


@pytest.fixture
def read(tmp_path):
    def reading(*sheets, **options):
        path = xlsx(tmp_path / "a.xlsx", *sheets, **options)
        assert sniff(path.read_bytes(), "a.xlsx") == XLSX
        return extract_pages(path, media_type=XLSX)

    return reading


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_made_out(tmp_path, delimiter):
    rows = [("Ticket", "Price", "Note"), ("Adult", "9", "a (b)"), ("Child", "4", "x: y")]
    pages = csv_pages(tmp_path, "\r\n".join(delimiter.join(row) for row in rows))
    assert pages[0].text == "Ticket | Price | Note\nAdult | 9 | a (b)\nChild | 4 | x: y"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("Brot;1,50\nMilch;0,99\nSalz;2,10\n", "Brot | 1,50\nMilch | 0,99\nSalz | 2,10"),
        ("Brot;1,50;2,30\nMilch;0,99;1,10\n", "Brot | 1,50 | 2,30\nMilch | 0,99 | 1,10"),
        ("1,50;2,30\n0,99;1,10\n", "1,50 | 2,30\n0,99 | 1,10"),
        ("1,2,3\n4,5,6\n", "1 | 2 | 3\n4 | 5 | 6"),
        ("a;b,c\nd;e,f\n", "a;b | c\nd;e | f"),
    ],
)
def test_a_comma_within_figures_parts_no_cells_where_semicolons_do(tmp_path, content, shown):
    assert csv_pages(tmp_path, content)[0].text == shown


def test_only_a_new_line_ends_a_row(tmp_path):
    content = "name,note,price\nAnn,first\u2028second,3\nBob,plain\x0bmore,4\nEve,three\x85four,5\n"
    assert csv_pages(tmp_path, content)[0].text == (
        "name | note | price\nAnn | first second | 3\nBob | plain more | 4\nEve | three four | 5"
    )


def test_excels_own_hint_of_the_delimiter_is_no_row(tmp_path):
    assert csv_pages(tmp_path, "sep=;\na,1;b\nc;d")[0].text == "a,1 | b\nc | d"


def test_quoted_cells_may_hold_anything(tmp_path):
    assert csv_pages(tmp_path, 'Name,Says\n"Smith, J.","one\ntwo ""three"""\n')[0].text == (
        'Name | Says\nSmith, J. | one two "three"'
    )


def test_encodings_of_old_spreadsheets_are_made_out(tmp_path):
    text = "Stadt;Fläche\nMünchen;310\nKöln;405\nGörlitz;67\n" * 5
    assert "München" in csv_pages(tmp_path, text.encode("cp1252"))[0].text
    assert "München" in csv_pages(tmp_path, text.encode("utf-16"))[0].text


def test_a_long_table_names_its_columns_in_each_row_and_is_cut_into_pages(tmp_path):
    rows = "\n".join(f"Ship {n},{n},Bergen" for n in range(12_000))
    pages = csv_pages(tmp_path, f"Name,Berth,Port\n{rows}")
    assert len(pages) > 10
    lines = "\n".join(page.text for page in pages).split("\n")
    assert lines[0] == "Name | Berth | Port"
    assert lines[1:] == [f"Name: Ship {n} | Berth: {n} | Port: Bergen" for n in range(12_000)]


def test_a_table_without_names_is_given_none(tmp_path):
    rows = "\n".join(f"{n},{n * n},{n * 3}" for n in range(300))
    assert csv_pages(tmp_path, rows)[0].text.startswith("0 | 0 | 0\n1 | 1 | 3\n2 | 4 | 6\n")


def test_every_visible_sheet_is_a_page_under_its_name(read):
    extraction = read(("Prices", [["Ticket", "Price"], ["Adult", 9]]), ("Ships", [["Name"], ["Anna"]]))
    assert [(page.label, page.text) for page in extraction.pages] == [
        ("Prices", "Prices\n\nTicket | Price\nAdult | 9"),
        ("Ships", "Ships\n\nName\nAnna"),
    ]
    assert [page.headings[0].title for page in extraction.pages] == ["Prices", "Ships"]


def test_hidden_sheets_are_left_out_and_named_in_the_report(read):
    extraction = read(
        ("Open", [["a", "b"]]),
        ("Shut", [["secret"]]),
        ("Deep", [["secret"]]),
        states={1: "hidden", 2: "veryHidden"},
    )
    assert [page.label for page in extraction.pages] == ["Open"]
    assert extraction.metadata["hidden_sheets"] == ["Shut", "Deep"]


def test_cells_say_what_they_show(read):
    formats = [
        "General",
        "yyyy-mm-dd",
        "0.0%",
        '#,##0.00 "€"',
        "[$$-409]#,##0.00",
        "h:mm",
        "d. mmmm yyyy h:mm",
        "0.00",
    ]
    row = [
        (45352, 1),
        (0.125, 2),
        (1234.5, 3),
        (21, 4),
        (0.5, 5),
        (45352.75, 6),
        (0.1 + 0.2, 0),
        (9.5, 7),
        True,
    ]
    text = read(("S", [row]), formats=formats).pages[0].text
    assert (
        text == "S\n\n2024-03-01 | 12.5% | 1234.50 € | $21.00 | 12:00 | 2024-03-01 18:00 | 0.3 | 9.50 | TRUE"
    )


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("[h]:mm", 1.25, "30:00"),
        ("[hh]:mm:ss", 1.25, "30:00"),
        ("[mm]:ss", 0.03, "00:43:12"),
        ("h:mm AM/PM", 45292.6458333333, "15:30"),
        ("00000", 1234, "01234"),
        ("00000", 123456, "123456"),
        ('0.0" kg"', 12.5, "12.5 kg"),
        ('#,##0 "pcs."', 1200, "1200 pcs."),
        ('#,##0," k"', 1500, "1500"),
        ('"Row "0', 7, "7"),
        ("[Red]0.00", 5.5, "5.50"),
    ],
)
def test_times_that_run_on_codes_and_units_are_shown_as_their_format_says(read, code, value, shown):
    assert read(("S", [["x", (value, 0)]]), formats=(code,)).pages[0].text == f"S\n\nx | {shown}"


def test_titles_above_a_table_and_gaps_in_it_do_not_lose_the_columns_names(read):
    body = [[f"Ship {n}", n, "Bergen"] for n in range(60)]
    text = (
        read(("Ships", [["Fleet of 2024"], [], ["Name", "Berth", "Port"], *body, [], ["Last", 61, "Oslo"]]))
        .pages[0]
        .text
    )
    assert text.startswith(
        "Ships\n\nFleet of 2024\n\nName | Berth | Port\nName: Ship 0 | Berth: 0 | Port: Bergen\n"
    )
    assert text.endswith("\n\nName: Last | Berth: 61 | Port: Oslo")


def test_cells_far_out_are_left_out_and_the_document_is_called_partial(tmp_path):
    sheet = '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>2</v></c></row><row r="1048576"><c r="A1048576"><v>3</v></c></row>'
    extraction = extract_pages(xlsx(tmp_path / "a.xlsx", ("S", sheet)), media_type=XLSX)
    assert extraction.pages[0].text == "S\n\n1\n\n3"
    assert extraction.is_partial


def test_a_sheet_that_takes_too_long_keeps_what_was_read_until_then(monkeypatch, tmp_path):
    path = xlsx(tmp_path / "a.xlsx", ("A", [[f"Row {number}", number] for number in range(200)]))
    monkeypatch.setattr("documents.extraction.blocks.sheets.MAX_SECONDS", -1.0)
    extraction = load(path)
    assert extraction.is_partial
    text = extraction.pages[0].text
    assert "Row 5" in text
    assert "Row 199" not in text


def test_a_workbook_is_read_up_to_the_limit_of_cells_and_then_called_partial(tmp_path, monkeypatch):
    monkeypatch.setattr("documents.extraction.blocks.sheets.MAX_CELLS", 1_000)
    rows = "".join(f"<row>{''.join(f'<c><v>{n * m}</v></c>' for n in range(50))}</row>" for m in range(100))
    extraction = load(xlsx(tmp_path / "a.xlsx", ("S", rows)))
    assert extraction.is_partial
    assert extraction.pages[0].text.count("\n") == 21


def test_comments_on_cells_come_after_the_rows_with_the_cell_that_they_are_about(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", ("S", [["Ship", "Tons"], ["Magpie", "120"]]), ("T", [["Next", "sheet"]]))
    comments = [
        ("B2", "<r><t>Ann:</t></r><r><t xml:space='preserve'>\nweighed in 1911</t></r>"),
        ("A2", "<t>[Threaded comment]\n\nYour version of Excel…\n\nComment:\n    Is it still afloat?</t>"),
        ("A1", "<t> </t>"),
    ]
    entries = "".join(
        f'<comment ref="{cell}" authorId="0"><text>{text}</text></comment>' for cell, text in comments
    )
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("xl/worksheets/_rels/sheet1.xml.rels", relations(comments="../comments1.xml"))
        file.writestr("xl/comments1.xml", f"<comments {S}><commentList>{entries}</commentList></comments>")
    pages = extract_pages(path, media_type=XLSX).pages
    assert pages[0].text == (
        "S\n\nShip | Tons\nMagpie | 120\n\nComment at B2: Ann:\nweighed in 1911\n\nComment at A2: Is it still afloat?"
    )
    assert "Comment" not in pages[1].text


def test_how_a_japanese_cell_is_pronounced_is_no_part_of_what_it_says(read):
    cell = '東京</t></r><rPh sb="0" eb="2"><t>トウキョウ</t></rPh><r><t>港'
    inline = '<row><c t="inlineStr"><is><t>大阪</t><rPh sb="0" eb="2"><t>オオサカ</t></rPh></is></c></row>'
    assert read(("S", [[cell]])).pages[0].text == "S\n\n東京港"
    assert read(("S", inline)).pages[0].text == "S\n\n大阪"


def test_a_formula_that_was_never_reckoned_is_shown_as_one(read):
    row = (
        '<row><c t="str"><f>A2&amp;"x"</f><v>two</v></c><c><f>SUM(B1:B9)</f></c>'
        '<c><f>C1*2</f><v></v></c><c><f t="shared" si="0"/></c><c><v>7</v></c></row>'
    )
    assert read(("S", row)).pages[0].text == "S\n\ntwo | =SUM(B1:B9) | =C1*2 | 7"


def test_a_shared_text_that_is_not_there_is_no_harm(tmp_path):
    sheet = '<row><c t="s"><v>99</v></c><c t="s"><v>-1</v></c><c t="n"><v>1e999</v></c><c t="n" s="77"><v>5</v></c><c t="e"><v>#N/A</v></c></row>'
    assert (
        extract_pages(xlsx(tmp_path / "a.xlsx", ("S", sheet)), media_type=XLSX).pages[0].text
        == "S\n\ninf | 5 | #N/A"
    )


def test_a_workbook_of_nothing_is_empty(read):
    with pytest.raises(UnreadableFile) as caught:
        read(("Sheet1", []), ("Sheet2", []))
    assert caught.value.kind == "empty"


def test_a_workbook_without_its_parts_is_damaged(tmp_path):
    for members in (
        {},
        {"xl/workbook.xml": "<x"},
        {"xl/workbook.xml": "<x/>", "xl/_rels/workbook.xml.rels": "no"},
    ):
        path = package(tmp_path / "a.xlsx", "xl/workbook.xml", members)
        with pytest.raises(UnreadableFile) as caught:
            extract_pages(path, media_type=XLSX)
        assert caught.value.kind == "damaged"
    assert relations(styles="a")
