"""What answers without a model quote: sentences, never headings or lists of contents, and no signs of Markdown."""

import re

import pytest
from django.core.management import call_command

from documents.models import Document
from qa.answering import ask
from qa.source_view import open_passage
from qa.suggestions import suggestions
from tests.qa.conftest import plain
from tests.support.factories import make_indexed

pytestmark = pytest.mark.django_db(transaction=True)

BODY = "We open at nine from Monday to Friday, and at ten on Saturdays."
HEADING = "Opening hours of the shop"  # as long as a sentence may be, and nearer to the question than any
TITLED = {
    "hash.md": f"# {HEADING}\n\n{BODY}",
    "hash-tight.md": f"## {HEADING}\n{BODY}",
    "underlined.md": f"{HEADING}\n=========================\n\n{BODY}",
    "underlined-tight.md": f"{HEADING}\n---\n{BODY}",
    "closed.md": f"# {HEADING} #\n\n{BODY}",
    "bold.md": f"**{HEADING}**\n\n{BODY}",
    "contents.md": f"- [{HEADING}](#hours)\n- [Prices](#prices)\n\n# {HEADING}\n\n{BODY}",
    "text.txt": f"{HEADING}\n\n{BODY}",
    "contents.txt": f"{HEADING} ........ 3\nPrices of the shop ........ 4\n\n{HEADING}\n\n{BODY}",
    "page.html": f"<html><title>{HEADING}</title><body><h1>{HEADING}</h1><p>{BODY}</p></body></html>",
    "bare.mdx": f"# {HEADING}\n\n<Note>\n\n{BODY}\n\n</Note>",
    "bare.rst": f"{HEADING}\n=========================\n\n{BODY}",
    "bare.adoc": f"= {HEADING}\n\n{BODY}",
}


def answered(text, user):
    question = ask(text, user=user)
    return question, question.citations.filter(is_cited=True)


@pytest.mark.parametrize("name", TITLED)
def test_a_heading_is_never_the_answer(alice, name):
    make_indexed(alice, TITLED[name], name=name)
    question, _cited = answered("What are the opening hours of the shop?", alice)
    assert f"“{BODY}” [1]" in question.answer
    quotes = re.findall("“(.*)”", question.answer)
    assert [quote for quote in quotes if "open at nine" not in quote] == []


SIGNS = """# Prices

- **Students** pay [21 euros](http://x.example/prices) a year, *not* `42`.

| Who | Fee |
|-----|-----|
| Groups | 99 euros a year |

> Guests pay __nothing__<br>on Sundays &amp; holidays.
"""


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("What do students pay a year?", "Students pay 21 euros a year, not 42."),
        ("What do guests pay on Sundays?", "Guests pay nothing on Sundays & holidays."),
        ("What is the fee for groups?", "99 euros a year"),
    ],
)
def test_a_quote_goes_without_signs_and_its_place_is_exact(alice, client, asked, words):
    document = make_indexed(alice, SIGNS, name="prices.md")
    question, cited = answered(asked, alice)
    assert words in question.answer
    assert not re.search(r"[*_`|<>#]|\]\(|&amp;", question.answer)
    row = cited.get()
    assert document.serving.text[row.quote_start : row.quote_end] == row.quote
    passage = open_passage(row, alice)
    marked = "".join(stretch.text for stretch in passage.stretches if stretch.is_quote)
    assert words in " ".join(marked.split())
    assert not re.search(
        r"\*\*|__|`|\|--|\]\(|^#", "".join(stretch.text for stretch in passage.stretches), re.MULTILINE
    )
    client.force_login(alice)
    for page in (
        client.get(f"/citations/{row.pk}/").text,
        client.get(question.conversation.get_absolute_url()).text,
    ):
        assert words in " ".join(plain(page).replace("&amp;", "&").split())
        assert "**" not in page
        assert "](http" not in page


def test_what_is_marked_in_a_citation_whose_document_is_gone_has_no_signs_either(alice):
    document = make_indexed(alice, SIGNS, name="prices.md")
    _question, cited = answered("What do students pay a year?", alice)
    document.delete()
    shown = "".join(stretch.text for stretch in open_passage(cited.get(), alice).stretches)
    assert "Students pay 21 euros" in shown


def test_signs_in_other_kinds_of_files_are_words(alice):
    make_indexed(alice, "The method __init__ makes a * b * c of its arguments.", name="notes.txt")
    question, _cited = answered("What does the method make?", alice)
    assert "“The method __init__ makes a * b * c of its arguments.” [1]" in question.answer


def test_a_document_of_headings_alone_answers_nothing(alice):
    make_indexed(alice, "# Opening hours\n\n## Opening hours of the shop\n", name="empty.md")
    question, cited = answered("What are the opening hours of the shop?", alice)
    assert question.kind == "nothing"
    assert "Opening hours" not in question.answer
    assert not cited.exists()


@pytest.fixture
def sample(db):
    call_command("load_sample")
    document = Document.objects.get(is_sample=True)
    document.index()
    return document


def test_each_suggested_question_on_a_fresh_site_is_answered_by_a_sentence(sample, alice):
    offered = suggestions(alice)
    assert len(offered) == 3
    for suggestion in offered:
        question, cited = answered(suggestion.text, alice)
        assert question.kind == "quoted", suggestion.text
        assert question.way in ("section", "overview"), suggestion.text
        assert len(cited.first().quote.split()) >= 5
        assert "#" not in question.answer
        assert cited.first().document_id == sample.pk


def test_the_sample_says_what_the_pages_say(sample, client, operator):
    """Buttons, states and kinds of files that the sample names are those of today."""
    text = sample.serving.text
    client.force_login(operator)
    page = plain(client.get("/documents/").text)
    assert "Remove the sample" in text
    assert "Remove the sample" in page
    assert "Drop files" in page
    for kind in ("PDF", "Word", "PowerPoint", "Excel", "Markdown"):
        assert kind in text
        assert kind in page
    for link in ("Documents", "Activity"):
        assert f"page {link}" in text
        assert link in page
    assert "100 MB" in text
    Document.objects.filter(pk=sample.pk).update(state="failed", failure="It is damaged.", is_sample=False)
    assert "Retry" in plain(client.get("/documents/").text)
