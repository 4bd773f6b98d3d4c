"""Tables are rendered as tables wherever a document's text is shown; text of documents is escaped."""

import re

import pytest

from documents.extraction.pages import Heading
from documents.highlights import outlined
from documents.models.page import Part
from documents.search import find
from qa.models import Citation
from qa.source_view import MarkedText, open_passage
from qa.templatetags.answers import words_cited
from tests.support.factories import make_indexed, make_question

HTML, CSV, MARKDOWN = "text/html", "text/csv", "text/markdown"
TEXT = "Our fees.\n\nWho | Cakes\nPensioners | 10 %\nStudents | 5 %\n\nThat is all."
HOSTILE = 'Who | <b>Cakes</b>\n<script>alert(1)</script> | "><img src=x onerror=alert(1)>\n&lt; | 2'


def shown(html):
    """The table as a reader sees it: tags that matter, without attributes."""
    kept = re.sub(r"<(/?)(table|thead|tbody|tr|th|td|mark)\b[^>]*>", r"[\1\2]", html)
    return re.sub(r"<[^>]*>", "", kept)


def on_a_page(text, words="", passages=(), media_type=HTML):
    return outlined(Part(text, 0, len(text)), passages, words, media_type).html


def test_a_table_has_its_header_and_what_was_sought_is_marked():
    assert shown(on_a_page(TEXT, "students")) == (
        "Our fees.[table][thead][tr][th]Who[/th][th]Cakes[/th][/tr][/thead][tbody]"
        "[tr][td]Pensioners[/td][td]10 %[/td][/tr]"
        "[tr][td][mark]Students[/mark][/td][td]5 %[/td][/tr]"
        "[/tbody][/table]That is all."
    )


def test_each_passage_has_its_number_once_also_where_it_begins_within_a_table():
    start = TEXT.index("Students")

    html = on_a_page(TEXT, passages=[(1, 0, start), (2, start, len(TEXT))])

    numbers = re.findall(
        r'<span class="passage-number"[^>]*>(\d+)</span><span class="passage[^>]*>(\w+)', html
    )
    assert numbers == [("1", "Our"), ("2", "Students")]


def test_the_names_of_labelled_cells_are_the_header():
    text = "Item: Tea | Price: 3\nItem: Salt | Price: 1"

    html = shown(on_a_page(text))

    assert html.startswith("[table][thead][tr][th]Item[/th][th]Price[/th][/tr][/thead]")
    assert "Item: " not in html


def test_cells_are_text_whatever_they_say():
    for html in (on_a_page(HOSTILE), MarkedText(HOSTILE, HTML, (0, 40), (5, 30)).html):
        assert "<script" not in html
        assert "<img" not in html
        assert "<b>" not in html
        assert "&amp;lt;" in html


def test_a_quoted_row_is_marked_cell_by_cell_in_the_source_panel():
    row = "Students | 5 %"
    start = TEXT.index(row)

    html = shown(MarkedText(TEXT, HTML, (0, len(TEXT)), (start, start + len(row))).html)

    assert "[tr][td][mark]Students[/mark][/td][td][mark]5 %[/mark][/td][/tr]" in html
    assert "[td]Pensioners[/td]" in html
    assert html.endswith("That is all.")


def test_bars_and_markup_of_markdown_are_never_shown():
    text = "# Codes\n\n| Code | **Meaning** |\n|:-----|---------|\n| `E1` | *Coin box* full |\n"

    html = shown(MarkedText(text, MARKDOWN).html)

    assert html.startswith("Codes[table]")
    assert "[th]Code[/th][th]Meaning[/th]" in html
    assert "[td]E1[/td][td]Coin box full[/td]" in html
    assert not re.search(r"[|*`#]|--", html)


@pytest.mark.django_db
def test_a_page_shows_markdown_without_its_markup_and_with_its_headings(alice):
    text = "# Opening *hours*\n\nOpen on **weekdays** from `9:00`, see [the map](map.png).\n\n- bring a bag"

    version = make_indexed(alice, text, name="hours.md").serving
    page = version.pages.get()
    part = page.part()
    html = outlined(part, (), "weekdays", version.media_type, page.headings_in(part)).html

    assert html.startswith('<strong class="text-heading">Opening hours</strong>')
    assert "Open on <mark>weekdays</mark> from 9:00, see the map." in html
    assert "• bring a bag" in html


def test_the_headings_that_a_file_marks_are_drawn_on_its_page():
    text = "Opening hours\nOpen on weekdays."
    outline = outlined(Part(text, 0, len(text)), (), "", "application/pdf", [Heading(0, 1, "Opening hours")])

    assert outline.html == '<strong class="text-heading">Opening hours</strong>\nOpen on weekdays.'


@pytest.mark.parametrize(
    "text", ["# <b>x</b>\n\n<script>alert(1)</script> & **<i>y</i>**", "| <b> |\n|---|\n| <img src=x> |"]
)
def test_markup_of_a_page_never_becomes_live(text):
    for passages in ((), [(1, 0, 5), (2, 4, len(text))]):
        assert not re.search(
            r"<(?:b|i|script|img)\b", on_a_page(text, passages=passages, media_type=MARKDOWN)
        )


def test_source_code_is_no_table():
    code = "cat a.txt | grep x; exit\ncat b.txt | wc -l; exit\nls -l | sort > out.txt"

    assert "<table" not in on_a_page(code, media_type="text/plain")


def test_a_row_of_one_cell_spans_the_table():
    html = on_a_page("Item | Price\nDrinks\nTea | 3", media_type=CSV)

    assert '<th colspan="2" dir="auto">Drinks</th>' in html


@pytest.mark.django_db
def test_the_page_and_the_source_show_the_table_of_a_sheet(alice, client):
    document = make_indexed(alice, "Room,Seats\nHall,120\n<i>Cell</i>,2\n", name="rooms.csv")
    version, text = document.serving, document.serving.text
    question = make_question(alice)
    row = "Hall | 120"
    place = {
        "start": 0,
        "end": len(text),
        "quote_start": text.index(row),
        "quote_end": text.index(row) + len(row),
    }
    citation = Citation.objects.create(
        question=question,
        document=document,
        version=version,
        number=1,
        page=1,
        page_end=1,
        excerpt=text,
        quote=row,
        **place,
    )
    client.force_login(alice)

    page = client.get(f"/documents/{document.pk}/pages/1/").text
    panel = client.get(f"/citations/{citation.pk}/").text

    assert open_passage(citation, alice).state == ""
    assert words_cited(citation) == "Hall · 120"
    assert find(version, "Hall")[0].snippet == "Room · Seats Hall · 120 <i>Cell</i> · 2"
    for html in (page, panel):
        assert re.search(r'<th scope="col" dir="auto">(?:<[^>]*>|1)*Room', html)
        assert "&lt;i&gt;Cell&lt;/i&gt;" in html
        assert "<i>Cell" not in html
    assert (
        '<td dir="auto"><mark>Hall</mark></td><td class="numeric" dir="auto"><mark>120</mark></td>' in panel
    )
