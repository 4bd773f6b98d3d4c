"""Servers that speak OpenAI's language, each a little differently."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest

from ragsite import llm
from ragsite.llm.backends.openai import pace, sse
from ragsite.llm.backends.openai.waits import not_before
from ragsite.llm.chat import completion
from ragsite.llm.chat.completion import AnswerReader
from tests.llm.test_gateway import PROMPT, listen, text_of
from tests.support import provider_payloads as payloads
from tests.support.provider_payloads import ANSWER, DONE, content, delta, event, said


def sends(fake, parts, **values):
    fake.fault("sends", parts=parts, **values)
    return listen()


# --- answers


@pytest.mark.parametrize("name", payloads.COMPLETE)
def test_an_answer_that_ended_as_it_should_is_complete_and_free_of_marks_and_thoughts(fake_openai, name):
    pieces, fault = sends(fake_openai, payloads.COMPLETE[name])
    assert fault is None
    assert pieces[-1].completion.text == ANSWER
    assert pieces[-1].completion.is_complete


@pytest.mark.parametrize("name", payloads.CUT)
def test_an_answer_that_was_cut_is_not_complete(fake_openai, name):
    parts, reason = payloads.CUT[name]
    (*_pieces, last), fault = sends(fake_openai, parts)
    assert fault is None
    assert last.completion.text
    assert (last.completion.finish_reason, last.completion.is_complete) == (reason, False)


@pytest.mark.parametrize("name", payloads.NOTHING)
def test_an_answer_without_words_is_named_for_what_it_is(fake_openai, name):
    parts, kind = payloads.NOTHING[name]
    pieces, fault = sends(fake_openai, parts)
    assert text_of(pieces).strip() == ""
    assert fault.kind == kind


def test_a_mark_around_thoughts_can_be_added(fake_openai, settings):
    settings.CHAT_THINKING_MARKS = [("<ponder>", "</ponder>")]
    pieces, _fault = sends(fake_openai, [*content(f"<ponder>Hm.</ponder>{ANSWER}"), DONE])
    assert pieces[-1].completion.text == ANSWER
    assert pieces[-1].completion.thinking == "Hm."


def test_two_halves_of_a_character_become_one_and_a_lone_half_harms_nothing(fake_openai):
    halves = [half.encode() for half in payloads.HALVES]
    pieces, _fault = sends(fake_openai, [*halves, halves[0], *said(), DONE])
    assert pieces[-1].completion.text == f"😀\ufffd{ANSWER}"
    assert text_of(pieces) == pieces[-1].completion.text


def test_bytes_that_are_no_text_cost_a_character_and_not_the_answer(fake_openai):
    broken = delta(content="caf?").replace(b"?", b"\xe9")
    pieces, _fault = sends(fake_openai, [broken, *said(), DONE])
    assert pieces[-1].completion.text == f"caf\ufffd{ANSWER}"


def test_an_error_in_mid_answer_leaves_what_was_said(fake_openai):
    pieces, fault = sends(fake_openai, [*said(), event({"error": {"message": "Boom", "code": 503}})])
    assert text_of(pieces) == ANSWER
    assert fault.kind == "unavailable"


def test_an_error_after_the_end_is_nobodys_concern(fake_openai):
    pieces, fault = sends(fake_openai, [*said(), delta("stop"), event({"error": "usage is not available"})])
    assert fault is None
    assert pieces[-1].completion.is_complete


def test_a_reason_that_is_longer_than_its_column_is_no_reason(fake_openai):
    pieces, _fault = sends(fake_openai, [*said(), delta("x" * 500), DONE])
    assert len(pieces[-1].completion.finish_reason) < 40


# --- limits


def test_a_token_of_five_megabytes_is_cut_before_it_is_kept(fake_openai):
    pieces, fault = sends(fake_openai, [delta(content="word " * 1_000_000), delta("stop"), DONE])
    assert fault is None
    assert len(text_of(pieces)) == completion.MAX_ANSWER
    assert pieces[-1].completion.finish_reason == "too_long"


def test_an_event_without_end_is_given_up(fake_openai):
    fake_openai.fault("flood", part=b"data: " + b"x" * 65536)
    assert listen()[1].kind == "bad_response"


def test_a_refusal_without_end_is_read_to_its_beginning(fake_openai):
    fake_openai.fault("flood", part=b"x" * 65536, status=503)
    assert listen()[1].kind == "unavailable"


def test_calls_of_tools_without_end_are_given_up(fake_openai, monkeypatch):
    monkeypatch.setattr(completion, "MAX_THINKING", 20_000)
    fake_openai.fault("flood", part=delta(tool_calls=[{"function": {"arguments": "x"}}]) * 50)
    assert listen()[1].kind == "tool_calls"


@pytest.mark.parametrize("name", ["reasoning_content", "content"])
def test_thoughts_without_end_are_given_up(fake_openai, monkeypatch, name):
    monkeypatch.setattr(completion, "MAX_THINKING", 20_000)
    words = {name: "<think> hm " if name == "content" else "hm "}
    fake_openai.fault("flood", part=delta(**words) * 50)
    pieces, fault = listen()
    assert fault.kind == "endless_thought"
    assert sum(len(piece.thinking) for piece in pieces) <= 20_000


def test_a_whole_answer_for_a_job_keeps_to_the_limit_that_was_asked_for(fake_openai):
    fake_openai.answer = "word " * 5000
    answer = llm.complete(PROMPT, max_tokens=50)
    assert len(answer.text) <= 50 * completion.CHARACTERS_A_TOKEN
    assert not answer.is_complete


@pytest.mark.parametrize(
    "part", [delta(reasoning_content="hm ") * 200, b": ping\n\n" * 5000, delta(content="") * 200]
)
def test_a_stream_without_pause_leaves_the_loop_to_the_others(fake_openai, settings, monkeypatch, part):
    monkeypatch.setattr(completion, "MAX_THINKING", 10**9)
    settings.LLM_FIRST_TOKEN_TIMEOUT = settings.LLM_SILENCE_TIMEOUT = 60
    fake_openai.fault("flood", part=part)

    async def others_turns():
        """Another task comes to its turn fifty times while the stream runs."""
        task = asyncio.create_task(read())
        async with asyncio.timeout(30):
            await asyncio.sleep(0.5)
            for _turn in range(50):
                await asyncio.sleep(0)
        is_reading = not task.done()
        task.cancel()
        await asyncio.wait([task])
        await llm.aclose()
        return is_reading

    async def read():
        async for _piece in llm.stream(PROMPT):
            pass

    assert asyncio.run(others_turns())


def test_work_without_pause_gives_way_after_each_slice():
    async def work():
        turns = 0

        async def others():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(others())
        with pace.Pace() as ours:
            for _slice in range(10):
                until = perf_counter() + pace.SLICE_SECONDS
                while perf_counter() < until:
                    pass
                await ours.rest()
        task.cancel()
        return turns

    assert asyncio.run(work()) >= 10


def test_a_part_of_signs_of_life_is_taken_apart_in_slices():
    async def part():
        yield b": ping\n\n" * 8192

    async def batches():
        return [batch async for batch in sse.read_chunks(part(), lambda: None)]

    assert len(asyncio.run(batches())) > 10


# --- silence


@pytest.mark.parametrize(
    "sign", [b": keep-alive\n\n", delta(content=""), delta(role="assistant"), b"data: {}\n\n"]
)
def test_signs_of_life_keep_a_model_from_being_given_up(fake_openai, settings, sign):
    settings.LLM_FIRST_TOKEN_TIMEOUT = 0.5
    pieces, fault = sends(fake_openai, [*[sign] * 10, *said(), delta("stop"), DONE], pause=0.15)
    assert fault is None
    assert pieces[-1].completion.is_complete


def test_signs_of_life_have_a_limit_of_their_own(fake_openai, settings):
    settings.LLM_FIRST_TOKEN_TIMEOUT, settings.LLM_SILENCE_TIMEOUT = 0.4, 1
    _pieces, fault = sends(fake_openai, [b": keep-alive\n\n"] * 1000, pause=0.05)
    assert fault.kind == "timeout"
    assert str(fault.advice) == "Try again in a moment."


# --- refusals


@pytest.mark.parametrize("name", payloads.REFUSALS)
def test_a_refusal_is_understood_in_whatever_shape(fake_openai, name):
    status, body, kind = payloads.REFUSALS[name]
    fake_openai.fault("body", value=body, status=status)
    assert listen()[1].kind == kind
    assert len(fake_openai.chats) == 1


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, b"Invalid API key", "key_refused"),
        (404, b"model 'x' not found", "no_such_model"),
        (404, b"404 page not found", "no_such_page"),
        (503, b"no healthy upstream", "unavailable"),
        (502, b"<html>model not found</html>", "unavailable"),
    ],
)
def test_a_refusal_in_plain_words_is_understood_too(fake_openai, status, words, kind):
    fake_openai.fault("sends", parts=[words], status=status, media_type="text/plain")
    assert listen()[1].kind == kind


@pytest.mark.parametrize("name", payloads.OF_PARAMETERS)
def test_a_refused_parameter_is_found_in_whatever_shape_and_left_out_from_then_on(
    fake_openai, settings, name
):
    settings.CHAT_TEMPERATURE = 0.2
    parameter, status, body = payloads.OF_PARAMETERS[name]
    fake_openai.fault("refuse", parameter=parameter, status=status, body=body)
    assert [llm.complete(PROMPT).text for _time in range(2)] == [ANSWER, ANSWER]
    assert [parameter in asked.body for asked in fake_openai.chats] == [True, False, False]


@pytest.mark.parametrize("name", payloads.NO_SYSTEM_ROLE)
def test_a_model_without_a_system_role_gets_its_instructions_from_the_user(fake_openai, name):
    status, body = payloads.NO_SYSTEM_ROLE[name]
    fake_openai.fault("no_system_role", status=status, body=body)
    assert [llm.complete(PROMPT).text for _time in range(2)] == [ANSWER, ANSWER]
    assert len(fake_openai.chats) == 3
    (message,) = fake_openai.chats[-1].body["messages"]
    assert message["role"] == "user"
    assert message["content"].startswith(PROMPT[0]["content"])
    assert message["content"].endswith(PROMPT[1]["content"])


def test_a_refusal_inside_the_stream_is_heeded_like_one_before_it(fake_openai):
    fake_openai.fault(
        "sends", parts=[event({"error": {"message": "System role not supported", "code": 400}})]
    )
    assert llm.complete(PROMPT).text == ANSWER
    assert [len(asked.body["messages"]) for asked in fake_openai.chats] == [2, 1]


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "1m30s"}, {"error": {"message": "Slow down"}}, 90),
        ({"retry-after-ms": "2500"}, {"error": {"message": "Slow down"}}, 2.5),
        ({}, [{"error": {"message": "Quota exceeded", "details": [{"retryDelay": "32s"}]}}], 32),
        ({}, {"error": {"message": "Rate limit reached. Please try again in 6m0.5s."}}, 360.5),
    ],
)
def test_how_long_to_wait_is_read_from_wherever_it_is_said(fake_openai, headers, body, seconds):
    fake_openai.fault("body", value=body, status=429, headers=headers)
    wait = listen()[1].not_before - datetime.now(UTC)
    assert timedelta(seconds=seconds - 3) < wait <= timedelta(seconds=seconds)


@pytest.mark.parametrize("said", ["-5", "soon", "nan", "1e9", ""])
def test_a_wait_that_is_no_time_is_none(said):
    assert not_before({"retry-after": said}) is None


def test_a_wait_may_be_a_date_without_a_zone_or_a_count_since_1970_but_no_longer_than_a_day():
    now = datetime.now(UTC).replace(microsecond=0)
    soon = now + timedelta(seconds=90)
    assert not_before({"retry-after": soon.strftime("%a, %d %b %Y %H:%M:%S")}) == soon
    for count in (soon.timestamp(), soon.timestamp() * 1000):
        assert abs(not_before({"retry-after": f"{count:.0f}"}) - soon) < timedelta(seconds=1)
    assert not_before({"retry-after": "864000"}) < now + timedelta(days=1, minutes=1)


def test_nothing_that_a_provider_says_is_kept(fake_openai):
    body = {"error": {"message": "canary", "code": "canary code", "type": "canary\0"}}
    fake_openai.fault("body", value=body, status=400)
    error = listen()[1]
    assert "canary" not in f"{error!r} {error.sentence} {error.remedy} {error.__cause__!r}"


def test_the_test_of_the_provider_does_not_promise_that_it_is_tried_again(fake_openai):
    fake_openai.fault("status", status=503, times=0)
    trial = llm.try_chat()
    assert "by itself" not in str(trial.remedy)
    assert "Try again" in str(trial.remedy)


def test_the_test_of_the_provider_counts_a_model_that_thinks_at_length_as_answering(fake_openai):
    fake_openai.fault("sends", parts=[delta(reasoning_content="Hm."), delta("length"), DONE])
    assert llm.try_chat().ok


@pytest.mark.parametrize(
    "chunk", [{"choices": [{"delta": {"content": {"a": 1}}}]}, {"choices": [{"delta": 7}]}]
)
def test_odd_contents_are_passed_over(chunk):
    assert AnswerReader("m", "h").feed(json.loads(json.dumps(chunk))) is None
