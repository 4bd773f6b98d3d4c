"""What questions ask of the documents that they name, in words of many kinds."""

import pytest

from documents.models import Document
from qa.answering.routes.anchored import anchored
from qa.answering.routes.library import Library, with_heads
from qa.answering.routes.library.mentions import mentions
from qa.answering.routes.requests import Kind

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = {
    "What is in the visitor guide of 2026?": (Kind.OVERVIEW, "the visitor guide of 2026", ""),
    "what is the visiter guide of 2026 abuot": (Kind.OVERVIEW, "the visiter guide of 2026", ""),
    "What do Mr Dorrance and the teacher write to each other about?": (Kind.OVERVIEW, "mail dorrance", ""),
    "I'd like the essence of the room prices": (Kind.OVERVIEW, "the room prices", ""),
    "Is there anything in the minutes of January about leaks?": (Kind.SECTION, "the minutes of January", "leaks"),
    "What's the latest in the visitor guide on coats?": (Kind.SECTION, "the visitor guide", "coats"),
    "How has the visitor guide changed since 2025?": (Kind.COMPARISON, "the visitor guide", ""),
    "Who put the newest visitor guide together?": (Kind.AUTHOR, "the newest visitor guide", ""),
    "Whose work is the visitor guide of 2026?": (Kind.AUTHOR, "the visitor guide of 2026", ""),
    "Who does the German letter come from?": (Kind.AUTHOR, "the German letter", ""),
    "Who maintains the room prices?": (Kind.RESPONSIBLE, "the room prices", ""),
    "From when is the German letter?": (Kind.DATE, "the German letter", ""),
    "Summarise the part of the new visitor guide on bags": (Kind.SECTION, "the new visitor guide", "bags"),
    "In short, what does the old visitor guide have to say about dogs?": (Kind.SECTION, "the old visitor guide", "dogs"),
    "What's new in the latest visitor guide?": (Kind.COMPARISON, "the latest visitor guide", ""),
    "What has changed between the old and the new visitor guide?": (
        Kind.COMPARISON, "the old and the new visitor guide", "",
    ),
    "How do the mail and the German letter differ on lamps?": (
        Kind.COMPARISON, "the mail and the German letter", "lamps",
    ),
    "What does a room cost according to the room prices, and according to the mail?": (
        Kind.COMPARISON, "the room prices and the mail", "room cost",
    ),
}  # fmt: skip


def test_the_words_around_a_name_tell_what_is_asked(office):
    library = Library(with_heads(Document.objects.all()))
    found = {question: anchored(question, library) for question in ASKED}
    told = {question: each and (each.kind, each.subject, each.topic) for question, each in found.items()}
    assert told == ASKED


@pytest.mark.parametrize(
    "question",
    [
        "How much is the studio an hour?",
        "When do visitors get a guide?",
        "Who has to write the invoice?",
        "Who came to the meeting of January?",
        "May I bring a dog to the studio?",
        "Which invoice policy holds?",
        "visitor guide 2026",
        "",
    ],
)
def test_a_question_for_a_fact_asks_nothing_of_a_document(office, question):
    assert anchored(question, Library(with_heads(Document.objects.all()))) is None


def test_names_are_found_wherever_they_stand(office):
    library = Library(with_heads(Document.objects.all()))
    text = "Does the e-mail say the same as the newest guide, or the minutes of February?"
    found = mentions(text, library)
    assert [(each.words, [named.document.title for named in each.found]) for each in found] == [
        ("the e-mail", ["Broken projector"]),
        ("the newest guide", ["Visitor guide 2026"]),
        ("the minutes of February", ["minutes 2026-02-17"]),
    ]
