"""Which documents words name."""

import pytest

from documents.models import Document
from qa.answering.routes.library import Library, with_heads
from qa.answering.routes.library.dates import months_in
from qa.answering.routes.library.languages import language_of

pytestmark = pytest.mark.django_db(transaction=True)


def titles(phrase):
    library = Library(with_heads(Document.objects.all()))
    return {named.document.title for named in library.find(phrase)}


NAMED = {
    "the visitor guide of 2026": "Visitor guide 2026",
    "the 2025 handbook": "Visitor guide 2025",
    "the visiter guide 2025": "Visitor guide 2025",
    "the letter from Grünau": "Einladung Mühlen",
    "the German letter": "Einladung Mühlen",
    "the mail from Piet Dorrance": "Broken projector",
    "the e-mail": "Broken projector",
    "the February minutes": "minutes 2026-02-17",
    "the room prices": "room prices",
    "the newest visitor guide": "Visitor guide 2026",
    "the old guide": "Visitor guide 2025",
    "the latest minutes": "minutes 2026-02-17",
    "the visiotr giude of 2026": "Visitor guide 2026",
    "the mail to Odile Marsten": "Broken projector",
    "the tariff list": "room prices",
    "the letter from the museum": "Einladung Mühlen",
    "the trouble with the projector": "Broken projector",
}
OTHERS = ["the roof", "the invoice of 2024", "", "the", "the museum of modern art in Paris"]


def test_a_document_is_named_by_title_kind_author_year_month_or_language(office):
    found = {phrase: titles(phrase) for phrase in [*NAMED, *OTHERS]}
    assert found == {
        **{phrase: {title} for phrase, title in NAMED.items()},
        **{phrase: set() for phrase in OTHERS},
    }
    assert titles("the visitor guide") == {"Visitor guide 2025", "Visitor guide 2026"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The museum opens at ten and it is closed on Mondays for all of us.", "english"),
        ("Das Museum ist am Montag nicht offen und wir werden auch im Mai nicht da sein.", "german"),
        ("Le musée est ouvert dans la ville et nous sommes pour vous sur la place.", "french"),
        ("El museo está en la ciudad y los lunes no es para el público que viene.", "spanish"),
        ("Музей открыт каждый день", "russian"),
        ("20 | 120 | 15", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_text_is_guessed(text, language):
    assert language_of(text) == language


def test_months_are_found_in_names():
    assert months_in("minutes_2026-02-17.txt and Protokoll März") == {"feb", "mar"}
