"""Questions of all kinds to the documents of a club: how many are answered as a person wants."""

from collections import Counter

from qa.source_view import open_passage
from tests.qa.quoting.conftest import asked
from tests.support.made.club import CASES, MIN_GOOD


def faults(case, question):
    text = question.answer
    if not case.words:
        is_refused = text.startswith("Nothing in your documents answers this.")
        return [] if is_refused and not question.citations.cited().exists() else ["is not refused"]
    lacking = [f"lacks {words}" for words in case.words if words not in text]
    return lacking + [f"has {words}" for words in case.never if words in text]


def test_most_questions_of_every_kind_are_answered_in_the_documents_own_words(club):
    good, seen = Counter(), []
    for case in CASES:
        question = asked(case, club)
        found = faults(case, question)
        good[case.kind] += not found
        seen += [(case.question, found, question.answer)] * bool(found)
        assert "|" not in question.answer
        assert len(question.answer.split()) <= 80
    assert all(good[kind] >= number for kind, number in MIN_GOOD.items()), (good, seen)


def test_every_citation_opens_with_its_words_marked(club):
    for case in CASES:
        for row in asked(case, club).citations.cited().with_serving():
            text = row.version.text
            assert text[row.quote_start : row.quote_end] == row.quote
            assert row.start <= row.quote_start < row.quote_end <= row.end
            assert row.excerpt.split() == text[row.start : row.end].split()
            assert any(stretch.is_quote for stretch in open_passage(row, club).stretches)
