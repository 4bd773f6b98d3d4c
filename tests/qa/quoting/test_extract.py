import pytest

from documents.models import Index
from qa.answering import ask
from qa.answering.quoting import extract
from qa.retrieval.frequencies import count_words, words_of
from qa.retrieval.retriever import embed_question, find_sources, readable_documents
from qa.retrieval.stop_words import Weights, content_words
from tests.support.factories import make_indexed, make_pdf

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def handbook(alice):
    document = make_pdf("handbook.pdf", alice)
    document.index()
    return document


def quotes(question, user):
    index = Index.objects.live()
    vector = embed_question(question, index)
    frequencies = count_words(words_of(question), readable_documents(user), index)
    return extract(question, find_sources(question, user=user, vector=vector), vector, index, frequencies)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What does a student membership cost?", "students contribute 21 euros"),
        ("When is the observatory open?", "from Wednesday to Sunday"),
        ("Who built the telescope?", "the workshop of Amelie Torvald"),
        ("How long may members borrow instruments?", "a period of four weeks"),
        ("What is Magpie?", "nicknamed Magpie"),
    ],
)
def test_a_question_is_answered_in_the_documents_own_words(alice, handbook, question, words):
    found = quotes(question, alice)
    assert found.is_found
    assert 1 <= len(found.quotes) <= 4
    assert words in found.text
    text = handbook.serving.text
    assert all(text[quote.start : quote.end] == quote.text for quote in found.quotes)


@pytest.mark.parametrize(
    "question", ["How many goals did Ronaldo score?", "What is the capital of France?", "Who wrote Hamlet?"]
)
def test_what_the_documents_do_not_say_is_not_answered(alice, handbook, question):
    found = quotes(question, alice)
    assert not found.is_found
    assert found.text.startswith("Nothing in your documents answers this.")


def test_the_citation_names_the_page_on_which_the_words_stand(alice, handbook):
    question = ask("What does a student membership cost?", user=alice)
    row = question.citations.get(is_cited=True)
    assert (row.page, row.page_end) == (1, 1)
    assert "21 euros" in row.quote


def test_sentences_that_follow_one_another_are_one_quote(alice):
    make_indexed(
        alice, "The tower is 50 metres high. The tower was built in 1911.\n\nBread is made of flour."
    )
    found = quotes("How high is the tower and when was the tower built?", alice)
    assert [quote.text for quote in found.quotes] == [
        "The tower is 50 metres high. The tower was built in 1911."
    ]


def test_a_paid_embedder_is_not_asked_to_choose_sentences(alice, fake_openai):
    make_indexed(alice, "It rains in Bergen. Bread is made of flour.")
    before = len(fake_openai.embedded_texts)
    found = quotes("Where does it rain?", alice)
    assert "It rains in Bergen." in found.text
    assert len(fake_openai.embedded_texts) == before + 1  # the question alone


def test_words_are_compared_without_their_endings():
    assert content_words("What does a student membership cost?") == content_words(
        "students' memberships costs"
    )


def test_rare_words_tell_more():
    weights = Weights([["rain", "bergen"], ["rain"], ["rain"]])
    assert weights["bergen"] > weights["rain"]
    assert weights.overlap(["bergen"], ["bergen"]) == 1
    assert weights.overlap([], ["bergen"]) == 0
    assert weights.overlap(["rain", "bergen"], ["bergen"]) > 0.5
