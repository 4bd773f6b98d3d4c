"""A written answer's checks, from the model to the page, the cache and the next question."""

import pytest

from qa.models import Question
from qa.models.question import AnswerKind
from tests.qa.conftest import plain
from tests.support.provider_payloads import DONE, said

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "What does a student membership cost?"
RIGHT = "Students and pensioners contribute 21 euros [1]."
WRONG = "An individual membership costs 47 euros annually [1]."
HOSTILE = """<script>alert(1)</script> Members get 99 instruments [1].

It says “everything here is free of any charge” [1], and [9] says 12 % <b onclick="x()">more</b>.

![x](https://leak.example/?q=77) [Pay 88 euros here](https://leak.example/88?d=secret "worth 66") `55`

| a | b |
|---|---|
| 33 | 21 [1] |

**Total: 1,234 euros** [1][8] \ufdd0\ufde0fake\ufdd1 and Zacharias Blumenthal agrees [1]."""


async def test_the_check_is_saved_and_shown_with_the_end_of_the_stream(browser, alice, prices, writer):
    writer.answer = f"{RIGHT} {WRONG}"
    question = await (await browser(alice)).asked(ASKED)

    assert (question.sentences_checked, question.sentences_supported) == (2, 1)
    assert [check["verdict"] for check in question.checks] == ["supported", "none"]
    final = question.followed.final
    assert '<span class="unknown" title="This number is in none of the sources">47</span>' in final
    assert final.count('class="verdict verdict-none"') == 1
    assert "1 of 2 sentences supported by their sources" in plain(final)
    assert "check" in question.timings


async def test_an_answer_from_the_cache_has_its_checks(browser, alice, prices, writer):
    writer.answer = f"{RIGHT} {WRONG}"
    person = await browser(alice)
    first = await person.asked(ASKED)
    second = await person.asked(ASKED)
    assert second.cached_from
    assert second.checks == first.checks
    assert "1 of 2 sentences" in plain(second.followed.final)


async def test_the_next_question_hears_nothing_of_the_check(browser, alice, prices, writer):
    writer.answer = f"{RIGHT} {WRONG}"
    person = await browser(alice)
    first = await person.asked(ASKED)
    await person.asked("And for others?", conversation=first.conversation_id)
    said = [
        message
        for chat in writer.chats
        for message in chat.body["messages"]
        if message["role"] == "assistant"
    ]
    assert said
    assert all(message["content"] == "Students and pensioners contribute 21 euros. An individual membership costs 47 euros annually." for message in said)  # fmt: skip


async def test_quotes_are_not_checked(browser, alice, prices):
    question = await (await browser(alice)).asked(ASKED)
    assert (question.checks, question.sentences_checked) == ([], 0)
    assert 'class="checks"' not in question.followed.final


async def test_a_refusal_is_not_checked(browser, alice, prices, writer):
    writer.answer = "I'm sorry, I can't help with that."
    question = await (await browser(alice)).asked(ASKED)
    assert question.sentences_checked == 0


async def test_a_hostile_answer_is_checked_and_stays_text(browser, alice, prices, writer):
    writer.answer = HOSTILE
    question = await (await browser(alice)).asked(ASKED)

    final = question.followed.final
    assert question.state == "complete"
    assert "<script" not in final
    assert "<b" not in final.replace("<bdi", "").replace("<button", "").replace("<blockquote", "")
    assert "<img" not in final
    assert "\ufdd0" not in final
    assert "%EF%B7" not in final
    assert 'class="cite cite-unknown"' in final
    reasons = {mark["text"]: mark["reason"] for check in question.checks for mark in check["marks"]}
    assert reasons["99"] == reasons["1,234"] == reasons["33"] == "number"
    assert reasons["everything here is free of any charge"] == "quote"
    assert reasons["Zacharias Blumenthal"] == "name"
    assert "55" not in reasons  # code
    assert question.sentences_supported == 0


async def test_thinking_is_no_part_of_what_is_checked(browser, alice, prices, writer):
    writer.fault("thinking", text="Perhaps 4711 euros?", how="tags")
    writer.answer = RIGHT
    question = await (await browser(alice)).asked(ASKED)
    assert question.sentences_checked == question.sentences_supported == 1
    assert "4711" not in str(question.checks)


async def test_an_answer_that_never_ends_is_kept_and_checked(browser, alice, prices, writer):
    writer.fault("sends", parts=[*said(*["Fees are 77 euros [1]. " * 2_000] * 10), DONE])
    question = await (await browser(alice)).asked(
        ASKED,
    )
    assert question.kind == AnswerKind.WRITTEN
    assert 0 < question.sentences_checked <= 400
    assert len(question.followed.final) < 5_000_000


async def test_a_fault_of_the_check_loses_no_answer(browser, alice, prices, writer, settings):
    settings.ANSWER_JUDGE = True
    writer.answer = RIGHT
    person = await browser(alice)
    writer.fault("none")
    writer.fault("status", status=500)  # the judge's call
    question = await person.asked(ASKED)
    assert (question.state, question.sentences_checked, question.sentences_supported) == ("complete", 1, 1)


async def test_the_judge_is_asked_once_and_paid_for(browser, alice, prices, writer, settings):
    settings.ANSWER_JUDGE = True
    writer.fault("sends", parts=[*said(f"{RIGHT} Members borrow up to three instruments [1]. {WRONG}"), DONE])
    writer.answer = "1: yes\n2: no\n3: yes\n4: yes"
    question = await (await browser(alice)).asked(ASKED)

    assert len(writer.chats) == 2
    # The last has a figure that stands in no source: no judge overrules that.
    assert [check["verdict"] for check in question.checks] == ["supported", "none", "none"]
    asked = writer.chats[1].body["messages"]
    assert "1. Students and pensioners" in asked[1]["content"]
    assert question.output_tokens > 0
    assert question.input_tokens > 0


async def test_without_the_setting_one_answer_is_one_call(browser, alice, prices, writer):
    writer.answer = RIGHT
    await (await browser(alice)).asked(ASKED)
    assert len(writer.chats) == 1


async def test_sentences_are_counted_over_answers_that_were_written(browser, alice, prices, writer):
    writer.answer = f"{RIGHT} {WRONG}"
    person = await browser(alice)
    await person.asked(ASKED)
    await person.asked(ASKED)
    assert await _support() == (2, 1)


async def _support():
    from asgiref.sync import sync_to_async

    return await sync_to_async(Question.objects.all().support)()
