"""Questions that are answered by their route, asked of a small office."""

import pytest
from asgiref.sync import async_to_sync

from documents.models import Collection
from qa.answering import answer, ask
from qa.answering.parts import Documents, Pairs, from_json
from qa.models import Conversation, Question
from qa.models.scope import Scope
from qa.suggestions import suggestions
from qa.templatetags.answers import next_questions
from tests.qa.routes.conftest import FILES, cited
from tests.support.factories import make_indexed, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def are_exact(question):
    """Whether each cited stretch is in its document, word for word."""
    rows = question.citations.exclude(quote="").select_related("version")
    return all(row.version.text[row.quote_start : row.quote_end] == row.quote for row in rows)


def entries(question):
    lists = [part for part in from_json(question.parts) if isinstance(part, Documents)]
    return [entry.title for part in lists for entry in part.entries]


def answer_in(conversation, text):
    question = Question.objects.create(conversation=conversation, text=text, scope=conversation.scope)

    async def whole():
        async for _piece in answer(question.pk):
            pass

    async_to_sync(whole)()
    question.refresh_from_db()
    return question


def test_a_greeting_takes_no_document(alice):
    question = ask("Good morning!", user=alice)
    assert (question.way, question.kind) == ("greeting", "quoted")
    assert question.answer.startswith("Hello! Ask a question about your documents")
    assert not question.citations.exists()
    assert question.draws_on == []


LISTED = {
    "Which of my documents are in German?": {"Einladung Mühlen"},
    "Welche Dokumente sind auf Deutsch?": {"Einladung Mühlen"},
    "Which mails do I have?": {"Broken projector"},
    "Which documents are from 2025?": {"Visitor guide 2025"},
    "Which documents were written by Odile Marsten?": {"Visitor guide 2025", "Visitor guide 2026"},
    "Is any of my files in German?": {"Einladung Mühlen"},
    "Do I have anything in German?": {"Einladung Mühlen"},
    "Are there any e-mails among my files?": {"Broken projector"},
    "In which documents is the lecture room mentioned?": {"Broken projector", "room prices"},
    "Which documents mention the roof?": {"minutes 2026-01-20", "minutes 2026-02-17"},
}


def test_the_documents_are_listed(answered):
    question = answered("Which documents do you have?")
    assert question.way == "documents"
    assert len(entries(question)) == len(FILES)
    assert question.answer.startswith("There are 7 documents:")
    for asked, titles in LISTED.items():
        question = answered(asked)
        assert (question.way, set(entries(question))) == ("documents", titles), asked
        assert are_exact(question)
    assert answered("What do my documents say about the roof?").way != "documents"
    question = answered("Which documents mention elephants?")
    assert (question.kind, question.answer) == ("nothing", "None of your documents mentions this.")


def test_who_wrote_a_document_and_when_is_told_by_its_lines_or_its_metadata(answered):
    question = answered("Who wrote the visitor guide of 2026?")
    assert (question.way, question.answer) == ("details", "“Written by Odile Marsten, education.” [1]")
    assert are_exact(question)
    question = answered("Who sent the mail about the projector?")
    assert "Author: Piet Dorrance" in question.answer
    assert cited(question) == {"Broken projector"}
    assert "Jens Uhland" in answered("Who wrote the letter from Grünau?").answer
    question = answered("Who approved the visitor guide of 2026?")
    assert (question.way, question.answer) == (
        "details",
        "“Approved by the board of the museum in March.” [1]",
    )
    assert (
        "It applies from 1 May 2026." in answered("Since when does the visitor guide of 2026 apply?").answer
    )
    assert "3 March 2026" in answered("When was the mail of Piet Dorrance sent?").answer


def test_documents_are_summarised(answered):
    question = answered("What is the visitor guide of 2026 about?")
    assert question.way == "overview"
    assert "This guide tells volunteers how the museum works." in question.answer
    assert "Its main headings: Opening; Groups; Cloakroom; Dogs." in question.answer
    assert cited(question) == {"Visitor guide 2026"}
    assert are_exact(question)
    follow_up = answer_in(question.conversation, "Who wrote it?")
    assert (follow_up.way, follow_up.draws_on) == ("details", question.draws_on)
    question = answered("Summarise all my documents")
    assert (question.way, len(entries(question))) == ("overview", len(FILES))


def test_a_section_is_summarised_in_its_own_words(answered):
    for asked in (
        "Summarise the section on groups in the visitor guide of 2026",
        "What does the visitor guide of 2026 say about groups, in short?",
    ):
        question = answered(asked)
        assert question.way == "section"
        assert "A group has at most 20 people." in question.answer
        assert "Umbrellas" not in question.answer
        assert cited(question) == {"Visitor guide 2026"}
        assert are_exact(question)


def test_a_section_is_found_by_a_topic_in_other_words(answered):
    question = answered("What does the newest visitor guide say about pets?")
    assert (question.way, cited(question)) == ("section", {"Visitor guide 2026"})
    assert "Dogs on a lead are welcome in the yard." in question.answer


def test_of_several_editions_all_say_what_they_have_on_a_topic(answered):
    question = answered("What does the visitor guide say about groups?")
    assert question.way == "comparison"
    assert "at most 15 people" in question.answer
    assert "at most 20 people" in question.answer
    assert "School classes" not in question.answer  # both say it


def test_a_document_that_is_named_is_asked_for_its_sections_too(answered):
    question = answered("According to the visitor guide of 2026, what of pets?")
    assert cited(question) == {"Visitor guide 2026"}
    assert "Dogs on a lead are welcome" in question.answer


def test_a_document_without_the_topic_lets_the_others_answer(answered):
    question = answered("What does the mail say about the opening hours on Mondays?")
    assert question.way not in ("section", "comparison")


def test_two_editions_are_compared_by_what_differs(answered):
    question = answered("How do the visitor guides of 2025 and 2026 differ?")
    (pairs,) = [part for part in from_json(question.parts) if isinstance(part, Pairs)]
    assert question.way == "comparison"
    assert pairs.titles == ("Visitor guide 2025", "Visitor guide 2026")
    said = {(pair.one.text, pair.other.text) for pair in pairs.pairs}
    assert ("A group has at most 15 people.", "A group has at most 20 people.") in said
    assert "Umbrellas" not in question.answer
    assert "Only in Visitor guide 2026: Dogs." in question.answer
    assert are_exact(question)
    assert answered("What changed in the visitor guide?").parts == question.parts


def test_a_year_stands_for_the_edition_rather_than_for_another_file_of_that_year(alice, answered):
    make_indexed(alice, "Month,Stands\nMay,4\nJune,7\n", name="stands 2026.csv")
    question = answered("What has changed between the visitor guide of 2025 and that of 2026?")
    (pairs,) = [part for part in from_json(question.parts) if isinstance(part, Pairs)]
    assert pairs.titles == ("Visitor guide 2025", "Visitor guide 2026")


def test_two_documents_are_compared_on_a_topic(answered):
    question = answered("What did the board say about the roof in January, and what in February?")
    assert question.way == "comparison"
    assert cited(question) == {"minutes 2026-01-20", "minutes 2026-02-17"}
    assert question.answer.index("The roof leaks") < question.answer.index("Halloway")
    question = answered("What do the mail and the room prices say about the lecture room?")
    assert question.way == "comparison"
    assert "Room: Lecture room; Hour: 20; Day: 120" in question.answer


def test_a_question_for_a_fact_takes_no_route(answered):
    for asked in (
        "How large may a group be?",
        "What does a lamp for the projector cost?",
        "Where do umbrellas stay?",
    ):
        assert answered(asked).way in ("quotes", "table", "list", ""), asked
    question = answered("According to the visitor guide of 2025, how many people may a group have?")
    assert "15 people" in question.answer
    assert cited(question) == {"Visitor guide 2025"}


EVERY_WAY = [
    "Which documents do you have?",
    "Which documents mention the roof?",
    "Which of my documents are in German?",
    "What is the visitor guide of 2026 about?",
    "Summarise all documents",
    "Summarise the section on groups in the visitor guide of 2026",
    "Who wrote the visitor guide of 2026?",
    "When was the mail of Piet Dorrance sent?",
    "How do the visitor guides of 2025 and 2026 differ?",
    "What did the board say about the roof in January, and what in February?",
]


def test_nobody_is_told_of_another_persons_documents(office):
    bob = make_user("bob")
    own = make_indexed(bob, "The shop sells umbrellas.", name="Shop.txt")
    for asked in EVERY_WAY:
        question = ask(asked, user=bob)
        said = question.answer + str(question.parts) + str(list(question.citations.values()))
        assert not any(title in said for title in [*office, "Halloway"]), asked
        assert {document for document, _ in question.draws_on} <= {own.pk}


def test_a_conversation_is_told_only_of_what_it_searches(alice, office):
    conversation = Conversation.objects.create(user=alice, scope=Scope.of(office["Einladung Mühlen"]))
    assert entries(answer_in(conversation, "Which documents do you have?")) == ["Einladung Mühlen"]
    collection = Collection.objects.create(name="Shop")
    collection.memberships.create(user=alice, role="owner")
    make_indexed(alice, "The shop sells umbrellas.", name="Shop.txt", collection=collection)
    conversation = Conversation.objects.create(user=alice, scope=Scope.of(collection))
    assert entries(answer_in(conversation, "Which documents do you have?")) == ["Shop"]


def test_a_routed_answer_is_withheld_with_its_document(answered, alice):
    question = answered("What is the visitor guide of 2026 about?")
    Collection.objects.private_to(alice).memberships.all().delete()
    assert Question.objects.get(pk=question.pk).is_withheld


def test_the_newest_documents_are_those_whose_files_say_so(answered):
    assert entries(answered("What are the newest files?")) == ["Broken projector", "minutes 2026-01-20"]
    assert entries(answered("Which is the oldest document?")) == ["minutes 2026-01-20"]


async def test_a_model_reads_the_section_that_the_question_names(browser, alice, writer, office):
    session = await browser(alice)
    question = await session.asked("What does the visitor guide of 2026 say about groups?")
    assert question.kind == "written"
    prompt = writer.chats[-1].body["messages"][-1]["content"]
    assert "School classes come in the morning." in prompt
    assert "Umbrellas stay" not in prompt
    assert "at most 15 people" not in prompt
    question = await session.asked("How do the visitor guides of 2025 and 2026 differ?")
    prompt = writer.chats[-1].body["messages"][-1]["content"]
    assert "at most 15 people" in prompt
    assert "at most 20 people" in prompt
    assert question.kind == "written"


async def test_no_model_is_asked_for_a_list_of_documents(browser, alice, writer, office):
    session = await browser(alice)
    for asked in ("Hello", "Which documents do you have?", "Who wrote the visitor guide of 2026?"):
        question = await session.asked(asked)
        assert question.way in ("greeting", "documents", "details")
    assert writer.chats == []


async def test_a_route_answers_while_the_model_is_away(browser, alice, writer, office):
    writer.fault("bad_key", times=0)
    question = await (await browser(alice)).asked("What does the visitor guide of 2026 say about groups?")
    assert (question.kind, question.way) == ("quoted", "section")
    assert "A group has at most 20 people." in question.answer
    assert question.notice


def test_each_suggested_question_takes_a_route_that_answers_it(alice, office):
    for document in office.values():
        for suggestion in suggestions(alice, document):
            question = ask(suggestion.text, user=alice)
            assert question.way in ("overview", "section"), suggestion.text
            assert {pk for pk, _collection in question.draws_on} == {document.pk}, suggestion.text


def test_an_answer_offers_the_next_questions(answered):
    question = answered("What is the visitor guide of 2026 about?")
    offered = next_questions(question)
    assert "What does “Visitor guide 2026” say about “Groups”?" in offered
    assert all(answered(text).way == "section" for text in offered)
