"""The parts of an answer without a model: kept as JSON, copied as plain text, drawn as HTML."""

import json

import pytest

from qa.answering.parts import (
    Ask,
    DocumentEntry,
    Documents,
    Heading,
    Items,
    Pair,
    Pairs,
    Quote,
    Table,
    Text,
    from_json,
    plain_text,
    to_json,
)
from qa.models import Question
from qa.rendering import render_answer
from qa.templatetags.answers import next_questions
from tests.qa.test_rendering import Elements, citation
from tests.support.payloads import ALLOWED, SCRIPT

EVERY = [
    Text("Two documents say this."),
    Heading("Prices 2025"),
    Quote(1, "A day costs 30 euros."),
    Items(1, "A day includes", ("lunch", "the boat")),
    Table(1, ("Place", "Price"), (("Quay", "12"), ("Mole", "14")), "Berths"),
    Documents((DocumentEntry(7, "Prices", "What everything costs.", 1), DocumentEntry(8, "Rules"))),
]
MORE = {"h3", "caption", "thead", "tbody", "table", "tr", "th", "td", "ul", "li", "div", "blockquote", "span"}


def html_of(parts, kind="quoted"):
    return render_answer(Question(kind=kind, answer=plain_text(parts), parts=to_json(parts)), [citation(1)])


def test_parts_survive_the_database():
    assert from_json(json.loads(json.dumps(to_json(EVERY)))) == EVERY


def test_a_part_of_a_later_release_is_left_out():
    assert from_json([{"part": "map", "place": "x"}, *to_json([Text("Here.")])]) == [Text("Here.")]


def test_the_plain_text_has_no_markup():
    assert plain_text(EVERY).split("\n\n") == [
        "Two documents say this.",
        "Prices 2025:\n“A day costs 30 euros.” [1]",
        "A day includes [1]\n• lunch\n• the boat",
        "Berths [1]\nPlace: Quay; Price: 12\nPlace: Mole; Price: 14",
        "Prices: What everything costs. [1]\nRules",
    ]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (Table(2, ("Place", "Price"), (("Quay", "12"),)), "Place: Quay; Price: 12 [2]"),
        (Table(2, ("Place", "Price"), (("Quay", "12"),), "Berths"), "Berths: Place: Quay; Price: 12 [2]"),
        (Table(2, (), (("Quay", "12"),)), "Quay; 12 [2]"),
        (Table(2, ("Place", "Price", "Note"), (("Quay", "12", ""),)), "Place: Quay; Price: 12 [2]"),
    ],
)
def test_one_row_of_a_table_reads_as_words(table, text):
    assert plain_text([table]) == text


def test_a_table_is_drawn_as_one():
    html = html_of(EVERY)
    assert '<th scope="col">Price</th>' in html
    assert '<th scope="row">Quay</th><td>12</td>' in html


def test_a_list_of_documents_links_to_them():
    html = html_of(EVERY)
    assert '<a href="/documents/7/" dir="auto">Prices</a>' in html
    assert html.count('href="/citations/71/"') == 4


@pytest.mark.parametrize("kind", ["quoted", "nothing"])
@pytest.mark.parametrize("payload", SCRIPT)
def test_nothing_a_document_says_becomes_live(payload, kind):
    html = html_of(
        [
            Text(payload),
            Heading(payload),
            Quote(1, payload),
            Items(1, payload, (payload,)),
            Table(1, (payload,), ((payload,),), payload),
            Documents((DocumentEntry(7, payload, payload, 1),)),
        ],
        kind,
    )
    for tag, attributes in Elements(html).found:
        assert tag in ALLOWED | MORE
        assert not any(name.startswith(("on", "data-", "style", "src")) for name in attributes)
        assert attributes.get("href", "/documents/7/") in ("/documents/7/", "/citations/71/")


def test_an_answer_from_before_there_were_parts_is_drawn_from_its_text():
    assert "<blockquote" in render_answer(Question(kind="quoted", answer="“It rains.” [1]"), [citation(1)])


def test_two_documents_stand_side_by_side():
    pairs = Pairs(("Rules <1>", "Rules 2"), (Pair(Quote(1, "Ten days."), Quote(1, "Nine <b>days</b>.")),))
    assert from_json(json.loads(json.dumps(to_json([pairs])))) == [pairs]
    assert plain_text([pairs]) == "Rules <1>: “Ten days.” [1]\nRules 2: “Nine <b>days</b>.” [1]"
    html = html_of([pairs])
    assert "Rules &lt;1&gt;</th>" in html
    assert "Nine &lt;b&gt;days&lt;/b&gt;." in html


def test_questions_to_ask_next_are_no_part_of_the_text():
    following = Ask(("What is “Prices” about?",))
    assert plain_text([Text("Here."), following]) == "Here."
    assert next_questions(Question(parts=to_json([Text("Here."), following]))) == ["What is “Prices” about?"]
