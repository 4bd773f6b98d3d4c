"""What questions ask for, told by their form."""

import pytest

from qa.answering.routes.greeting import greet
from qa.answering.routes.requests import Kind, readings


def first(question):
    return next(readings(question), None)


@pytest.mark.parametrize(
    ("question", "kind", "subject", "topic"),
    [
        ("What is the visitor guide about?", Kind.OVERVIEW, "the visitor guide", ""),
        ("Can you please summarise the visitor guide for me?", Kind.OVERVIEW, "the visitor guide for me", ""),
        ("Give me a short summary of the guide.", Kind.OVERVIEW, "the guide", ""),
        ("What are the main points of “Visitor guide”?", Kind.OVERVIEW, "Visitor guide", ""),
        ("Worum geht es im Brief?", Kind.OVERVIEW, "Brief", ""),
        ("Fasse den Brief zusammen", Kind.OVERVIEW, "den Brief", ""),
        ("De quoi parle la lettre ?", Kind.OVERVIEW, "la lettre", ""),
        ("¿De qué trata la carta?", Kind.OVERVIEW, "la carta", ""),
        ("What does the guide say about groups, in short?", Kind.SECTION, "the guide", "groups"),
        ("Summarise what the guide says about groups", Kind.SECTION, "the guide", "groups"),
        ("Summarise the section on groups in the guide", Kind.SECTION, "", "groups in the guide"),
        ("What does chapter 3 of the guide say?", Kind.SECTION, "", "3 of the guide"),
        ("Was steht im Brief über den Bus?", Kind.SECTION, "Brief", "den Bus"),
        ("How do the guides of 2025 and 2026 differ?", Kind.COMPARISON, "the guides of 2025 and 2026", ""),
        ("What is the difference between A and B?", Kind.COMPARISON, "A and B", ""),
        ("What do the guide and the letter say about groups?", Kind.COMPARISON, "the guide and the letter", "groups"),
        ("Who wrote the guide?", Kind.AUTHOR, "the guide", ""),
        ("Who approved the guide?", Kind.AUTHOR, "the guide", ""),
        ("Wer hat den Brief geschrieben?", Kind.AUTHOR, "den Brief", ""),
        ("Who is responsible for the guide?", Kind.RESPONSIBLE, "the guide", ""),
        ("When was the guide last updated?", Kind.DATE, "the guide", ""),
        ("Since when does the guide apply?", Kind.DATE, "the guide", ""),
    ],
)  # fmt: skip
def test_the_form_of_a_question_tells_what_it_asks_for(question, kind, subject, topic):
    request = first(question)
    assert (request.kind, request.subject, request.topic) == (kind, subject, topic)


@pytest.mark.parametrize(
    "question", ["How many people may a group have?", "Where is the cloakroom?", "groups", "", "x " * 400]
)
def test_a_question_for_a_fact_has_no_form(question):
    assert first(question) is None


@pytest.mark.parametrize("question", ["what " * 60, "who wrote " * 30, "in the a " * 33, "compare and " * 25])
def test_a_hostile_question_is_told_soon(question):
    assert len(list(readings(question))) < 20


@pytest.mark.parametrize(
    "text",
    ["Hello", "hi there!", "Good morning", "Guten Tag", "Bonjour !", "¡Hola!", "thanks", "Thank you very much!", "What can you do?",
     "Who are you?", "What can you help me with?", "What kind of help can you give?", "Tell me what you can do", "How do you answer questions?",
     "What exactly can you do?", "Please explain how this works", "What is your purpose?", "Womit kannst du mir helfen?", "Wofür bist du da?", "help", "How can you help me?", "What can I ask?", "What kinds of questions can I ask?", "Was kannst du?"],
)  # fmt: skip
def test_a_greeting_is_answered_without_documents(text):
    assert greet(text, has_history=False).sources == []


@pytest.mark.parametrize(
    "text",
    ["What can I do if the roof leaks?", "Hello, where is the cloakroom?", "How do you repair a roof?", "help with groups",
     "Who are the members?", "What can I bring?", "What can you help the volunteers with?", "What kind of help do volunteers give?", "Thanks giving day opening hours"],
)  # fmt: skip
def test_a_question_is_no_greeting(text):
    assert greet(text, has_history=False) is None
