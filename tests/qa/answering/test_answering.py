import asyncio
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from documents.models import Collection, Task
from documents.models.task import Kind
from qa import streaming
from qa.answering import ask, summaries
from qa.answering.history import turns_before
from qa.answering.prompts import Turn
from qa.answering.rewrite import joined
from qa.models import AnswerState, Question
from qa.streaming import saver
from qa.streaming.producer import end_early
from ragsite.llm.chat import completion
from tests.qa.conftest import finished, plain
from tests.support.factories import make_document, make_indexed, make_question
from tests.support.provider_payloads import CUT, DONE, HALVES, NOTHING, REFUSALS, delta, said

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "What does a student membership cost?"


async def test_without_a_key_the_answer_is_a_cited_quote(browser, alice, prices):
    question = await (await browser(alice)).asked(ASKED)

    assert (question.state, question.kind, question.model) == ("complete", "quoted", "")
    assert "21 euros" in question.answer
    citation = await question.citations.aget(is_cited=True)
    assert "21 euros" in citation.quote
    assert prices.serving.text[citation.quote_start : citation.quote_end] == citation.quote
    assert "Quotes from your documents" in question.followed.final


async def test_with_a_key_the_answer_is_written_and_cited(browser, alice, prices, writer):
    question = await (await browser(alice)).asked(ASKED)

    assert (question.state, question.kind, question.finish_reason) == ("complete", "written", "stop")
    assert "21 euros" in question.answer
    assert "[1]" in question.answer
    assert (await question.citations.aget(number=1)).is_cited
    assert question.input_tokens > 100
    assert question.output_tokens > 5
    assert question.cost > 0
    assert question.host in question.followed.final
    assert question.followed.text.strip() == question.answer
    assert len(writer.chats) == 1


async def test_a_key_added_later_needs_no_new_vectors(browser, alice, prices, writer):
    await (await browser(alice)).asked(ASKED)
    assert writer.embeddings == []


async def test_how_it_came_about_is_kept(browser, alice, prices, writer):
    question = await (await browser(alice)).asked(ASKED)
    assert {"embed", "search", "first_token", "write", "total"} <= set(question.timings)
    assert question.trace[0]["dense_rank"] == 1
    assert question.trace[0]["keyword_rank"] == 1
    assert "text" not in question.trace[0]


async def test_nothing_found_says_so_and_shows_no_passage_as_a_source(browser, alice, prices):
    question = await (await browser(alice)).asked("Who was the first emperor of China?")
    assert (question.state, question.kind) == ("complete", "nothing")
    before_the_details = question.followed.final.split("more-sources")[0]
    assert "Nothing in your documents answers this" in before_the_details
    assert "more-sources" in question.followed.final
    assert "source-list" not in before_the_details


async def test_a_person_without_documents_costs_nothing(browser, bob, prices, writer):
    question = await (await browser(bob)).asked(ASKED)
    assert question.kind == "nothing"
    assert writer.requests == []


async def test_too_many_requests_at_the_provider_give_quotes_at_once(browser, alice, prices, writer):
    writer.fault("status", status=429, retry_after=20)
    since = time.monotonic()
    question = await (await browser(alice)).asked(ASKED)

    assert time.monotonic() - since < 15
    assert (question.kind, question.error_kind) == ("quoted", "rate_limited")
    assert "rate limit has been reached" in question.followed.final
    assert "21 euros" in question.followed.final
    assert len(writer.chats) == 1


@pytest.mark.parametrize(
    "fault", ["quota", "bad_key", "html", "broken_json", "empty_object", "no_choices", "null_content"]
)
async def test_a_provider_that_gives_no_answer_is_named_plainly_with_quotes_instead(
    browser, alice, prices, writer, fault
):
    writer.fault(fault)
    question = await (await browser(alice)).asked(ASKED)

    assert question.kind == "quoted"
    assert "These are quotes from your documents instead." in question.notice
    assert "Error" not in plain(question.followed.final)
    assert "21 euros" in question.answer


async def test_a_refused_key_is_asked_about_once_a_minute(browser, alice, prices, writer):
    writer.fault("bad_key", times=0)
    person = await browser(alice)
    await person.asked(ASKED)
    second = await person.asked("What do members borrow?")
    assert len(writer.chats) == 1
    assert "rejects the API key" in second.notice


async def test_an_answer_given_while_the_provider_was_away_is_not_kept(browser, alice, prices, writer):
    writer.fault("status", status=500)
    person = await browser(alice)
    await person.asked(ASKED)
    second = await person.asked(ASKED)
    assert (second.kind, second.cached_from) == ("written", None)


@pytest.mark.parametrize(
    ("fault", "values", "notice"),
    [
        ("no_finish", {"after": 3}, "before the answer was complete"),
        ("finish", {"reason": "length", "after": 4}, "length limit"),
        ("finish", {"reason": "content_filter", "after": 4}, "content filter"),
        ("reset", {"after": 3}, "was interrupted"),
        ("stream_error", {"after": 3}, "was interrupted"),
        ("broken_stream", {"after": 3}, "is not valid"),
    ],
)
async def test_an_answer_that_breaks_off_is_kept_as_unfinished_and_never_from_the_cache(
    browser, alice, prices, writer, fault, values, notice
):
    writer.fault(fault, **values)
    person = await browser(alice)
    question = await person.asked(ASKED)

    assert question.state == AnswerState.UNFINISHED
    assert question.answer
    assert question.answer in question.followed.text
    assert notice in question.notice
    assert "Try again" in question.followed.final
    assert (await person.asked(ASKED)).cached_from is None


async def test_a_provider_that_stalls_is_given_up(browser, alice, prices, writer, settings):
    settings.LLM_BETWEEN_TOKENS_TIMEOUT = 1
    writer.fault("stall", after=3)
    question = await (await browser(alice)).asked(ASKED)
    assert (question.state, question.error_kind) == ("unfinished", "timeout")
    assert "did not answer in time" in question.followed.final


async def test_thinking_is_no_part_of_the_answer(browser, alice, prices, writer):
    writer.fault("thinking", text="The reader wants a price.")
    question = await (await browser(alice)).asked(ASKED)
    assert "wants a price" not in question.answer + question.followed.text + question.followed.final
    assert any("thinking" in event.body for event in question.followed.events if event.kind == "step")


THOUGHT = ["The ", "reader ", "wants ", "a ", "price.", "</think>"]


def thinks_first(writer):
    """A model whose opening tag stood in the prompt: its thought looks like an answer until it ends."""
    writer.fault("thinking", text="".join(THOUGHT[:-1]), how="open")


async def test_a_thought_that_looked_like_an_answer_is_taken_back(browser, alice, prices, writer):
    thinks_first(writer)
    writer.fault("slow", seconds=0.05)
    question = await (await browser(alice)).asked(ASKED)
    assert question.state == AnswerState.COMPLETE
    assert any("price" in event.body for event in question.followed.events if event.kind == "token")
    assert "wants" not in question.answer + question.followed.text + question.followed.final


@pytest.mark.parametrize("fault", ["reset", "no_finish", "finish"])
async def test_a_thought_stays_out_of_an_answer_that_breaks_off(browser, alice, prices, writer, fault):
    thinks_first(writer)
    writer.fault(fault, after=len(THOUGHT) + 3)
    question = await (await browser(alice)).asked(ASKED)
    assert question.state == AnswerState.UNFINISHED
    assert question.answer
    assert "wants" not in question.answer + question.followed.text + question.followed.final


async def test_after_a_thought_without_a_word_of_answer_there_are_quotes(browser, alice, prices, writer):
    thinks_first(writer)
    writer.fault("reset", after=len(THOUGHT))
    question = await (await browser(alice)).asked(ASKED)
    assert (question.state, question.kind) == ("complete", "quoted")
    assert "wants" not in question.answer + question.followed.text + question.followed.final


async def test_a_thought_stays_out_of_an_answer_that_is_stopped_or_interrupted(
    browser, alice, prices, writer, monkeypatch
):
    monkeypatch.setattr(saver, "SAVE_SECONDS", 0.05)
    thinks_first(writer)
    writer.answer = " ".join(f"word{number}" for number in range(200))
    writer.fault("slow", seconds=0.03)
    person = await browser(alice)
    stopped = await person.ask(ASKED)
    await person.follow(stopped, until=lambda followed: "word3" in followed.text)
    await stopped.arefresh_from_db()
    assert stopped.answer.startswith("word0"), "the text saved while it grows"
    await streaming.request_stop(stopped)
    await finished()
    interrupted = await person.ask("And what does a student membership cost today?", fresh="1")
    await person.follow(interrupted, until=lambda followed: "word3" in followed.text)
    await streaming.finish_running_answers(timeout=0.05)
    for question, state in ((stopped, "stopped"), (interrupted, "interrupted")):
        await question.arefresh_from_db()
        assert question.state == state
        assert question.answer.startswith("word0 word1")


async def test_an_endless_answer_is_cut(browser, alice, prices, writer, settings):
    settings.CHAT_MAX_OUTPUT_TOKENS = 50
    writer.answer = "word " * 5000
    question = await (await browser(alice)).asked(ASKED)
    assert question.state == AnswerState.UNFINISHED
    assert len(question.answer) < 600
    assert "too long" in question.notice


async def test_stopping_keeps_what_was_written_and_hangs_up(browser, alice, prices, writer):
    writer.fault("slow", seconds=0.1)
    writer.answer = "one two three four five six seven eight nine ten " * 20
    person = await browser(alice)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: "three" in followed.text)

    response = await person.client.post(f"/questions/{question.pk}/stop/")
    since = time.monotonic()
    await finished()
    assert response.status_code == 302
    assert time.monotonic() - since < 10  # all of it would take twenty
    await question.arefresh_from_db()
    assert question.state == AnswerState.STOPPED
    assert question.answer.startswith("one two three")
    await _until(lambda: writer.chats[0].hung_up_at)


async def _until(condition, seconds=20):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (the condition is another thread's)
            await asyncio.sleep(0.02)


async def test_a_follow_up_is_rewritten_as_a_standalone_question(browser, alice, prices, writer):
    person = await browser(alice)
    first = await person.asked(ASKED)
    writer.answer = "How long may members of the observatory borrow instruments?"
    second = await person.asked("And how long may they borrow them?", conversation=first.conversation_id)
    assert second.search_query == writer.answer
    assert len(writer.chats) == 3


async def test_without_a_model_a_follow_up_is_joined_with_the_question_before(browser, alice, prices):
    person = await browser(alice)
    first = await person.asked("What do members borrow?")
    second = await person.asked("For how long may they?", conversation=first.conversation_id)
    assert second.search_query == "What do members borrow? For how long may they?"
    assert "four weeks" in second.answer


def test_a_question_that_leans_on_nothing_is_not_joined():
    history = [Turn("What does it cost?", "21 euros")]
    whole = "Which instruments may members borrow?"
    assert joined(whole, history) == (whole, "")
    assert joined("And why?", history) == ("What does it cost? And why?", "What does it cost?")


async def test_the_conversation_before_is_what_was_last_answered(browser, alice):
    first = await _saved(alice, "First?", "Old answer.")
    repeat = await _saved(alice, "First?", "New answer.", conversation=first.conversation, parent=first)
    second = await _saved(alice, "Second?", "", conversation=first.conversation)
    assert turns_before(second) == [Turn("First?", "New answer.")]
    assert turns_before(repeat) == []


async def _saved(user, text, answer, **fields):
    return make_question(user, text, answer=answer, state="complete", **fields)


async def test_a_conversation_about_one_document_searches_only_that_document(browser, alice, prices):
    other = make_indexed(alice, "Parking costs 5 euros a day.", name="parking.txt")
    person = await browser(alice)
    question = await person.asked("What does parking cost?", document=other.pk)
    assert [citation.document_id async for citation in question.citations.all()] == [other.pk]


def test_the_shell_asks_in_one_line(alice, prices):
    said = []
    question = ask(ASKED, user=alice, on_text=said.append)
    assert "21 euros" in question.answer
    assert "".join(said) == question.answer


def test_the_shell_says_when_there_is_no_operator_to_ask_as(db):
    with pytest.raises(Exception, match="There is no operator yet"):
        ask(ASKED)


async def test_an_answer_is_not_written_into_a_deleted_conversation(browser, alice, prices, writer):
    writer.fault("slow", seconds=0.1)
    writer.answer = "one two three four five six seven eight nine ten " * 20
    person = await browser(alice)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: followed.text)
    await person.client.post(f"/c/{question.conversation_id}/delete/")
    await finished()
    assert not await Question.objects.filter(pk=question.pk).aexists()


def test_a_document_that_is_still_being_read_is_not_asked(alice):
    make_document(alice)
    assert Collection.objects.private_to(alice).documents.askable().count() == 0
    assert ask("Where does it rain?", user=alice).kind == "nothing"


@pytest.fixture
def waiting_summary(alice, prices, monkeypatch):
    """Call it with a number of failed tries for a summary whose next one is hours away."""
    monkeypatch.setattr(summaries, "_retried_at", float("-inf"))
    monkeypatch.setattr(summaries, "_saw_outage", False)

    def make(tries):
        task = Task.objects.request(Kind.SUMMARISE, prices, enqueue=False)
        later = timezone.now() + timedelta(hours=9)
        Task.objects.filter(pk=task.pk).update(next_try_at=later, tries=tries, error_kind="unavailable")
        task.refresh_from_db()
        return task

    return make


def answered(task, alice, text=ASKED):
    question = ask(text, user=alice)
    task.refresh_from_db()
    return question


def test_a_written_answer_brings_waiting_summaries_forward(alice, writer, waiting_summary):
    task = waiting_summary(tries=2)
    assert answered(task, alice).kind == "written"
    assert task.is_due


def test_neither_quotes_nor_kept_nor_broken_answers_bring_summaries_forward(
    alice, writer, waiting_summary, monkeypatch
):
    answered(waiting_summary(tries=2), alice)  # from now on kept
    monkeypatch.setattr(summaries, "_retried_at", float("-inf"))
    task = waiting_summary(tries=2)
    writer.fault("no_finish", after=3)
    assert answered(task, alice, "What is a membership for students?").state == "unfinished"
    writer.fault("status", status=500, times=0, on="chat")
    assert answered(task, alice, "How much is it for pensioners?").kind == "quoted"
    assert answered(task, alice).cached_from
    assert not task.is_due


def test_a_summary_that_failed_often_waits_unless_the_model_was_away(alice, writer, waiting_summary):
    task = waiting_summary(tries=8)
    answered(task, alice)
    assert not task.is_due
    summaries._retried_at = float("-inf")
    writer.fault("status", status=503, on="chat")
    answered(task, alice, "How much is it for pensioners?")
    assert not task.is_due
    answered(task, alice, "How long may members borrow instruments?")
    assert task.is_due


def test_however_much_is_asked_summaries_are_brought_forward_seldom(alice, writer, waiting_summary):
    answered(waiting_summary(tries=2), alice)
    task = waiting_summary(tries=2)
    answered(task, alice, "How long may members borrow instruments?")
    assert not task.is_due


# --- what models and providers really say


async def test_what_cannot_be_stored_costs_no_answer_and_is_asked_once(browser, alice, prices, writer):
    parts = [
        delta(content="It costs\0 21"),
        *[half.encode() for half in HALVES[:1]],
        *said(" euros. [1]"),
        DONE,
    ]
    writer.fault("sends", parts=parts)
    person = await browser(alice)
    question = await person.asked(ASKED)
    assert (question.state, question.answer) == ("complete", "It costs 21\ufffd euros. [1]")
    assert (await person.asked(ASKED)).cached_from
    assert len(writer.chats) == 1


async def test_a_question_may_hold_what_cannot_be_stored(browser, alice, prices, writer):
    question = await (await browser(alice)).asked(f"\0{ASKED}\0")
    assert (question.text, question.state) == (ASKED, "complete")


def test_an_end_is_saved_without_the_text_that_cannot_be(alice):
    question = make_question(alice, ASKED, answer="It rains")
    ended = end_early(question, AnswerState.FAILED, "Something went wrong.", "It rains\0 in Bergen")
    assert (ended.state, ended.answer) == ("failed", "It rains")


async def test_a_token_of_five_megabytes_reaches_no_reader_whole(browser, alice, prices, writer):
    writer.fault("sends", parts=[delta(content="word " * 1_000_000), delta("stop"), DONE])
    question = await (await browser(alice)).asked(ASKED)
    assert (question.state, len(question.answer) <= 250_000) == ("unfinished", True)
    assert "too long" in question.notice
    assert sum(len(event.body) for event in question.followed.events) < 600_000


async def test_stopping_is_heeded_while_a_model_thinks_without_end(
    browser, alice, prices, writer, monkeypatch
):
    monkeypatch.setattr(completion, "MAX_THINKING", 10**9)
    writer.fault("flood", part=delta(reasoning_content="hm ") * 200)
    person = await browser(alice)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: "thinking" in str(followed.events))
    await person.client.post(f"/questions/{question.pk}/stop/")
    await finished()
    await question.arefresh_from_db()
    assert question.state != AnswerState.RUNNING
    await _until(lambda: writer.chats[0].hung_up_at)


async def test_thinking_without_end_gives_way_to_quotes(browser, alice, prices, writer, monkeypatch):
    monkeypatch.setattr(completion, "MAX_THINKING", 20_000)
    writer.fault("flood", part=delta(reasoning_content="hm ") * 20)
    question = await (await browser(alice)).asked(ASKED)
    assert (question.state, question.kind) == ("complete", "quoted")
    assert "whole answer on reasoning" in question.notice


async def test_what_a_model_declined_is_said_and_not_kept(browser, alice, prices, writer):
    writer.fault("sends", parts=CUT["declines"][0])
    person = await browser(alice)
    question = await person.asked(ASKED)
    assert question.answer == "I cannot help with that."
    assert "declined" in question.notice
    assert (await person.asked(ASKED)).cached_from is None
    assert len(writer.chats) == 2


async def test_words_of_regret_are_not_kept_either(browser, alice, prices, writer):
    writer.answer = "I'm sorry, but I can't assist with that."
    person = await browser(alice)
    await person.asked(ASKED)
    assert (await person.asked(ASKED)).cached_from is None


async def test_no_quotes_are_promised_where_nothing_is_found(browser, alice, prices, writer):
    writer.fault("status", status=503)
    question = await (await browser(alice)).asked("Who was the first emperor of China?")
    assert question.kind == "nothing"
    assert "having problems right now" in question.notice
    assert "quotes from your documents instead" not in plain(question.followed.final)


async def test_a_country_that_is_not_served_is_not_called_a_refused_key(browser, alice, prices, writer):
    status, body, _kind = REFUSALS["OpenAI's place"]
    writer.fault("body", value=body, status=status)
    question = await (await browser(alice)).asked(ASKED)
    assert "country" in question.notice
    assert "key" not in question.notice


@pytest.mark.parametrize("kind", ["only tool calls", "filtered before a word", "a thought cut off"])
async def test_an_answer_without_words_says_why_above_quotes(browser, alice, prices, writer, kind):
    writer.fault("sends", parts=NOTHING[kind][0])
    question = await (await browser(alice)).asked(ASKED)
    assert (question.kind, question.error_kind) == ("quoted", NOTHING[kind][1])
    assert "These are quotes from your documents instead." in question.notice


@pytest.mark.parametrize(
    "mark", ["[Source 1]", "【1】", "【1†source】", "［1］", "[^1]", "[1, page 2]", "(source 1)"]
)
async def test_a_reference_counts_however_it_is_written(browser, alice, prices, writer, mark):
    writer.answer = f"Students contribute 21 euros {mark}."
    question = await (await browser(alice)).asked(ASKED)
    assert question.answer == "Students contribute 21 euros [1]."
    assert (await question.citations.aget(number=1)).is_cited
    assert "/citations/" in question.followed.final


async def test_nothing_that_an_answer_started_outlives_it(browser, alice, prices, writer, monkeypatch):
    monkeypatch.setattr(saver, "SAVE_SECONDS", 0)
    person = await browser(alice)
    for number in range(5):
        await person.asked(f"{ASKED} {number}")
    started = ("Saver.", "Writer.", "write_answer")
    rest = [task for task in asyncio.all_tasks() if task.get_coro().__qualname__.startswith(started)]
    assert not rest or not (await asyncio.wait(rest, timeout=10))[1]
