"""Which sentences of an answer are checked, and what they cite."""

import time

import pytest

from qa.answering.checking.claims import find_claims


def claims(answer):
    return [(claim.words, claim.numbers) for claim in find_claims(answer)]


@pytest.mark.parametrize(
    "text",
    [
        "Hello! Happy to help.",
        "I'm sorry, I can't help with that.",
        "The documents do not say how many members there are.",
        "Die Dokumente enthalten dazu keine Angaben.",
        "# Fees of the observatory",
        "**Fees of the observatory**",
        "The membership fees are as follows:",
        "Would you like to know more about fees?",
        "```\nprint('the fee is 42 euros')\n```",
        "| Kind | Fee |",
        "",
    ],
)
def test_what_claims_nothing_is_not_checked(text):
    assert claims(text) == []


def test_a_sentence_goes_with_its_markers():
    assert claims("Students pay 21 euros [1]. Others pay 42 euros [2, 3].") == [
        ("Students pay 21 euros .", [1]),
        ("Others pay 42 euros .", [2, 3]),
    ]


def test_markers_after_the_full_stop_belong_to_the_sentence_before():
    assert claims("Students pay 21 euros. [1] Others pay 42 euros. [2]") == [
        ("Students pay 21 euros.", [1]),
        ("Others pay 42 euros.", [2]),
    ]


def test_a_sentence_without_a_marker_has_those_of_its_paragraph():
    answer = "Students pay 21 euros. Others pay 42 euros [2].\n\nDogs stay outside always."
    assert [numbers for _, numbers in claims(answer)] == [[2], [2], []]


def test_the_numbers_of_a_list_are_no_figures():
    assert claims("1. Students pay half [1]\n2. Others pay in full [1]") == [
        ("Students pay half", [1]),
        ("Others pay in full", [1]),
    ]


def test_code_addresses_and_formulas_are_no_words():
    ((words, _),) = claims(
        r"Members read `x = 7` in the handbook at https://a.example/2024 and [this](http://b.example/99), \(a_1 = 3\) too."
    )
    assert not any(sign.isdigit() for sign in words)


def test_a_row_with_a_figure_is_checked():
    assert claims("| Kind | Fee |\n|---|---|\n| Student | 21 euros [1] |") == [
        ("| Student | 21 euros |", [1])
    ]


@pytest.mark.parametrize(
    "unit", ["a. ", "[1] ", "\\(", "$$", "```\n", "`a", "1. a\n", "“", "不。", "א. ", "](", "&#1"]
)
def test_odd_answers_are_read_in_time(unit):
    since = time.monotonic()
    assert len(find_claims((unit * 300_000)[:300_000])) <= 400
    assert time.monotonic() - since < 20
