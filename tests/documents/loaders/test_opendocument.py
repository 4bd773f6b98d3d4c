import pytest

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.registry import ODP, ODS, ODT
from tests.support.made.files import opendocument

KINDS = {"text": ODT, "spreadsheet": ODS, "presentation": ODP}


def read(tmp_path, body, kind="text", **options):
    path = opendocument(tmp_path / "a", body, kind, **options)
    assert sniff(path.read_bytes(), "a") == KINDS[kind]
    return extract_pages(path, media_type=KINDS[kind])


def test_headings_lists_tables_and_notes_keep_their_shape(tmp_path):
    body = (
        '<text:h text:outline-level="1">Harbour</text:h><text:p>Ships <text:span>pay</text:span><text:s/>21.'
        "<text:note><text:note-citation>7</text:note-citation><text:note-body><text:p>Since 1998.</text:p></text:note-body>"
        "</text:note></text:p>"
        '<text:list text:style-name="L1"><text:list-item><text:p>One</text:p><text:list><text:list-item><text:p>in it</text:p>'
        "</text:list-item></text:list></text:list-item><text:list-item><text:p>Two</text:p></text:list-item></text:list>"
        '<table:table><table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>a</text:p></table:table-cell>'
        "<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row><table:table-row>"
        "<table:covered-table-cell/><table:table-cell><text:p>c</text:p></table:table-cell></table:table-row></table:table>"
    )
    styles = '<text:list-style style:name="L1"><text:list-level-style-number text:level="1" style:num-format="1"/></text:list-style>'
    page = read(tmp_path, body, styles=styles).pages[0]
    assert page.text == (
        "Harbour\n\nShips pay 21.[1]\n\n[1] Since 1998.\n\n1. One\n  - in it\n2. Two\n\na | b\na | c"
    )
    assert [(heading.level, heading.title) for heading in page.headings] == [(1, "Harbour")]


def test_hidden_deleted_and_repeated_text_is_left_out(tmp_path):
    body = (
        "<text:tracked-changes><text:p>old</text:p></text:tracked-changes><text:table-of-content><text:p>Fees 3</text:p>"
        '</text:table-of-content><text:p>Seen <text:span text:style-name="T1">secret words</text:span>again.'
        "<office:annotation><text:p>a remark</text:p></office:annotation></text:p>"
    )
    styles = '<style:style style:name="T1"><style:text-properties text:display="none"/></style:style>'
    page = read(tmp_path, body, styles=styles).pages[0]
    assert page.text == "Seen again."
    assert page.report["left_out"] == len("secretwords")


def test_text_boxes_and_what_runs_along_the_pages_follow(tmp_path):
    body = "<text:p>Around<draw:frame><draw:text-box><text:p>Boxed</text:p></draw:text-box></draw:frame> it</text:p>"
    master = "<style:header><text:p>Ref HB-204</text:p></style:header><style:footer><text:p><text:page-number>3</text:page-number></text:p></style:footer>"
    assert read(tmp_path, body, master=master).pages[0].text == "Around it\n\nBoxed\n\nRef HB-204"


def test_sheets_are_pages_of_rows_and_repetitions_are_bounded(tmp_path):
    def cell(text, more=""):
        return f"<table:table-cell {more}><text:p>{text}</text:p></table:table-cell>"

    rows = (
        f"<table:table-row>{cell('Ticket')}{cell('Price')}</table:table-row><table:table-row>{cell('Adult')}{cell('9 €')}"
        '<table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
        f'<table:table-row table:number-rows-repeated="999999999">{cell("x", "table:number-columns-repeated=" + chr(34) + "99999" + chr(34))}</table:table-row>'
    )
    hidden = f'<table:table table:name="H" table:style-name="ta2"><table:table-row>{cell("secret")}</table:table-row></table:table>'
    styles = '<style:style style:name="ta2"><style:table-properties table:display="false"/></style:style>'
    extraction = read(
        tmp_path, f'<table:table table:name="Fees">{rows}</table:table>{hidden}', "spreadsheet", styles=styles
    )
    assert extraction.pages[0].text.startswith("Fees\n\nTicket | Price\nAdult | 9 €\n\nx | x")
    assert {page.label for page in extraction.pages} == {"Fees"}
    assert extraction.metadata["hidden_sheets"] == ["H"]
    assert not any("left_out" in page.report for page in extraction.pages)
    assert "secret" not in "".join(page.text for page in extraction.pages)


def test_cells_without_the_text_they_show_say_their_value(tmp_path):
    """As programs write them that leave the showing to others."""
    cells = (
        '<table:table-cell office:value-type="float" office:value="2.5"/>'
        '<table:table-cell office:value-type="date" office:date-value="2024-02-29"/>'
        '<table:table-cell office:value-type="currency" office:currency="EUR" office:value="9"/>'
        '<table:table-cell office:value-type="string" office:string-value="Oslo"/>'
        '<table:table-cell office:value-type="float" office:value="1.5"><text:p>1,50</text:p></table:table-cell>'
    )
    sheet = f'<table:table table:name="Fees"><table:table-row>{cells}</table:table-row></table:table>'
    page = read(tmp_path, sheet, "spreadsheet").pages[0]
    assert page.text == "Fees\n\n2.5 | 2024-02-29 | 9 EUR | Oslo | 1,50"


def test_slides_are_pages_with_their_notes(tmp_path):
    body = (
        '<draw:page draw:name="page1"><draw:frame presentation:class="outline"><draw:text-box><text:list><text:list-item><text:p>Boats</text:p>'
        '</text:list-item></text:list></draw:text-box></draw:frame><draw:frame presentation:class="title"><draw:text-box>'
        "<text:p>Fleet</text:p></draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Slowly.</text:p>"
        "</draw:text-box></draw:frame></presentation:notes></draw:page>"
        "<draw:page><draw:frame><draw:text-box><text:p>Last</text:p></draw:text-box></draw:frame></draw:page>"
    )
    pages = read(tmp_path, body, "presentation").pages
    assert [page.text for page in pages] == ["- Boats\n\nFleet\n\nNotes: Slowly.", "Last"]
    assert pages[0].headings[0].title == "Fleet"


def test_a_hidden_slide_keeps_its_number_without_its_text(tmp_path):
    styles = '<style:style style:name="dp2"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
    box = "<draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    body = "".join(
        f'<draw:page draw:style-name="dp{n}">{box.format(text)}</draw:page>'
        for n, text in ((1, "One"), (2, "Secret plan"), (1, "Three"))
    )
    pages = read(tmp_path, body, "presentation", styles=styles).pages
    assert [(page.label, page.text) for page in pages] == [("1", "One"), ("2", ""), ("3", "Three")]
    assert [page.report.get("left_out") for page in pages] == [None, len("Secretplan"), None]
    assert pages[1].report["hidden_slide"]


def test_the_title_of_a_text_is_a_heading(tmp_path):
    styles = '<style:style style:name="P1" style:parent-style-name="Title"/>'
    page = read(
        tmp_path, '<text:p text:style-name="P1">Rules</text:p><text:p>Text.</text:p>', styles=styles
    ).pages[0]
    assert [(heading.level, heading.title) for heading in page.headings] == [(1, "Rules")]


def test_lists_are_numbered_as_they_say_and_go_on_where_they_left_off(tmp_path):
    styles = (
        '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>'
        '<text:list-level-style-number text:level="2" style:num-format="a" style:num-prefix="(" style:num-suffix=")"/></text:list-style>'
    )
    inner = "<text:list><text:list-item><text:p>sails</text:p></text:list-item></text:list>"
    body = (
        '<text:list xml:id="one" text:style-name="L"><text:list-item text:start-value="4"><text:p>Ship</text:p></text:list-item>'
        f"<text:list-item>{inner}</text:list-item></text:list><text:p>Between</text:p>"
        '<text:list text:style-name="L" text:continue-list="one"><text:list-item><text:p>Boat</text:p></text:list-item></text:list>'
        '<text:list text:style-name="L" text:continue-numbering="true"><text:list-item><text:p>Raft</text:p></text:list-item></text:list>'
        '<text:list text:style-name="L"><text:list-item><text:p>Anew</text:p></text:list-item></text:list>'
    )
    text = read(tmp_path, body, styles=styles).pages[0].text
    assert text == "4. Ship\n  (a) sails\n\nBetween\n\n5. Boat\n6. Raft\n1. Anew"


def test_a_locked_file_needs_a_password(tmp_path):
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path, "<text:p>x</text:p>", manifest="<manifest:encryption-data/>")
    assert "needs a password" in str(caught.value.sentence)
