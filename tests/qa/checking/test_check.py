"""What the check finds in an answer, on real sentences and on hostile ones."""

import time

import pytest

from documents.models import Index
from qa.answering.checking.check import check_answer
from qa.answering.checking.verdicts import from_json, to_json
from qa.retrieval.chunk import RetrievedChunk
from tests.qa.checking import measured

TEXT = "Membership costs 42 euros a year. Students pay 21 euros. The fund of Helena Marsh pays for the dome."


def chunk(text=TEXT, number=1, title="Handbook", headings=()):
    return RetrievedChunk(
        number, number, title, 1, 1, "", list(headings), text, 0, len(text), 10, 1.0, number=number
    )


def chunks(sources):
    return [chunk(text, number, title, headings) for number, (title, headings, text) in enumerate(sources, 1)]


def check(answer, *sources, question="What does it cost?", index=None):
    return check_answer(answer, question, sources or [chunk()], index)


def verdicts(answer, *sources, **options):
    return [found.verdict.value for found in check(answer, *sources, **options)]


def reasons(answer, *sources, **options):
    return [
        (mark.text, mark.reason.value) for found in check(answer, *sources, **options) for mark in found.marks
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["CLUB", "HOUSE"])
def test_measured_right_sentences_pass_and_invented_figures_and_names_are_marked(name):
    sources = chunks(getattr(measured, f"{name}_SOURCES"))
    index = Index.objects.live()  # of the local model

    def found(kind):
        return [
            check_answer(line, "What does it say?", sources, index)[0]
            for line in getattr(measured, f"{name}_{kind}")
        ]

    right, wrong = found("RIGHT"), found("WRONG")
    assert sum(bool(each.marks) for each in right) == 0
    assert sum(each.is_supported for each in right) >= 19
    assert sum(bool(each.marks) for each in wrong) == 20
    assert not any(each.is_supported for each in wrong)


@pytest.mark.django_db
def test_measured_sentences_that_no_source_says_are_rarely_taken_for_supported():
    sources, index = chunks(measured.CLUB_SOURCES), Index.objects.live()
    found = [check_answer(line, "What?", sources, index)[0] for line in measured.CLUB_UNSAID]
    assert sum(each.is_supported for each in found) <= 2


def test_a_sentence_from_its_source_is_supported():
    assert verdicts("Membership costs 42 euros a year [1].") == ["supported"]


def test_a_made_up_figure_is_marked_where_it_stands():
    ((found,),) = [check("Membership costs 45 euros a year [1].")]
    (mark,) = found.marks
    assert ("Membership costs 45 euros a year [1]."[mark.start : mark.end], mark.reason) == ("45", "number")
    assert found.verdict == "none"


def test_what_arithmetic_gives_is_marked():
    assert reasons("Together they pay 63 euros [1].") == [("63", "number")]


def test_a_figure_of_another_source_is_named_as_such():
    other = chunk("The office opens at 9:15.", 2)
    assert reasons("Students pay 21 euros [2].", chunk(), other) == [("21", "elsewhere")]
    assert verdicts("Students pay 21 euros [2].", chunk(), other) != ["supported"]


def test_a_figure_of_the_question_alone_is_named_as_such():
    assert reasons("It costs 99 euros [1].", question="Does it cost 99 euros?") == [("99", "asked")]


def test_quoted_words_must_stand_in_a_source():
    assert reasons("It says “Membership costs … a year” [1].") == []
    assert reasons("It says “Membership is free for everybody” [1].") == [
        ("Membership is free for everybody", "quote")
    ]


def test_a_source_that_does_not_exist_supports_nothing():
    assert verdicts("Membership costs 42 euros a year [7].") == ["none"]


def test_a_sentence_that_cites_nothing_is_at_most_weakly_supported():
    assert verdicts("Membership costs 42 euros a year.") == ["weak"]


def test_names_are_known_by_initials_and_in_other_forms():
    source = chunk("The European Space Agency met in Germany. NASA came too. Marsh's fund paid.")
    assert reasons("According to the ESA the German fund of Marsh paid, and NASA came [1].", source) == []
    assert reasons("Money came from Robert Hartwell [1].", source) == [("Robert Hartwell", "name")]


def test_small_words_are_no_initials_of_a_name():
    assert reasons("Money came from Ingrid Solheim [1].", chunk("It is paid by the fund.")) == [
        ("Ingrid Solheim", "name")
    ]


def test_a_german_name_is_not_known_by_the_noun_before_it():
    source = chunk("Die Hausverwaltung Meinhardt ist montags erreichbar, und das bis zum Abend.")
    assert reasons("Die Hausverwaltung Meinhardt ist bis zum Abend erreichbar [1].", source) == []
    assert reasons("Die Hausverwaltung Brückner & Thoma ist das am Montag [1].", source) == [
        ("Hausverwaltung Brückner & Thoma", "name")
    ]


def test_every_german_noun_is_no_name():
    source = chunk("Der Beitrag beträgt 60 Euro im Jahr und wird im Februar fällig.")
    assert (
        reasons("Die Zahlung der Summe von 60 Euro ist für das Kalenderjahr im Februar fällig [1].", source)
        == []
    )


def test_an_answer_in_another_language_than_its_sources_is_checked_by_its_figures():
    source = chunk(
        "Der Jahresbeitrag beträgt 60 Euro. Er ist bis zum 1. Februar zu entrichten. Familien zahlen mehr."
    )
    answer = "The annual fee is 60 euros and has to be paid by February 1 for all of the members [1]."
    assert verdicts(answer, source) == ["supported"]
    assert reasons(answer.replace("60", "70"), source) == [("70", "number")]


def test_chinese_is_compared_by_pairs_of_signs():
    source = chunk("会员费为每年42欧元。学生只需支付21欧元。")
    assert verdicts("学生支付21欧元 [1]。", source) == ["supported"]
    assert reasons("学生支付25欧元 [1]。", source) == [("25", "number")]


def test_arabic_and_hebrew_are_checked():
    source = chunk("דמי החבר הם 42 אירו לשנה. سعر العضوية ٤٢ يورو.")
    assert verdicts("דמי החבר הם 42 אירו לשנה [1].", source) == ["supported"]
    assert reasons("سعر العضوية ٤٥ يورو [1].", source) == [("٤٥", "number")]


def test_checks_come_back_the_same_from_the_row():
    found = check("Membership costs 45 euros a year [1]. Students pay 21 euros [1].")
    assert from_json(to_json(found)) == found


@pytest.mark.parametrize(
    "unit",
    [
        "42 [1]. ",
        "A b 7 [1]\n",
        "“x y z 12345 quoted” [9] ",
        "<b>7</b> ",
        "A Bc De [1]. ",
        "不",
        "😀 5 ",
        "about 12 ",
    ],
)
def test_a_huge_answer_takes_bounded_time(unit):
    since = time.monotonic()
    found = check((unit * 250_000)[:250_000])
    assert len(found) <= 400
    assert sum(len(each.marks) for each in found) <= 200
    assert time.monotonic() - since < 30
