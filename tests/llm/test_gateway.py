"""What the apps may rely on, whatever the provider does."""

import asyncio
import contextlib
import logging
import os
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.core.cache import cache

from ragsite import llm
from ragsite.failures import Retry
from ragsite.llm import cache as llm_cache
from ragsite.llm.chat.completion import AnswerReader
from ragsite.llm.chat.thinking import ThinkingSplitter
from ragsite.llm.provider import FIRST_TOKEN_SECONDS
from tests.support.fake_openai import KEY

MODEL = "text-embedding-3-small"
PROMPT = [
    llm.Message(role="system", content="Answer from the sources."),
    llm.Message(
        role="user",
        content="[1] Handbook, page 3\nIt rains often in Bergen. A student membership costs 21 euros a year.\n"
        "[2] Handbook, page 9\nDogs must be on a lead.\n\nQuestion: What does a student membership cost?",
    ),
]
ANSWER = "A student membership costs 21 euros a year. [1]"


def listen(messages=PROMPT, **options):
    """(the pieces that came, the fault that ended them or None)."""

    async def read():
        pieces = []
        try:
            async for piece in llm.stream(messages, **options):
                pieces.append(piece)
        except llm.ProviderError as error:
            return pieces, error
        finally:
            await llm.aclose()
        return pieces, None

    return asyncio.run(read())


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


# --- a good answer


def test_an_answer_comes_in_pieces_and_ends_with_its_completion(fake_openai):
    pieces, fault = listen()
    completion = pieces[-1].completion
    assert fault is None
    assert len(pieces) > 5
    assert text_of(pieces) == completion.text == ANSWER
    assert completion.is_complete
    assert completion.model == "gpt-4.1-mini"
    assert completion.host == fake_openai.url.split("/")[2]
    assert completion.usage.input_tokens > 0
    assert completion.usage.output_tokens > 0


def test_a_job_gets_the_whole_answer(fake_openai):
    assert llm.complete(PROMPT).text == ANSWER


def test_a_server_that_does_not_stream_is_understood(fake_openai):
    fake_openai.fault("whole")
    assert llm.complete(PROMPT).is_complete


def test_an_answer_without_usage_has_unknown_tokens(fake_openai):
    fake_openai.fault("no_usage")
    assert llm.complete(PROMPT).usage == llm.Usage(None, None)


def test_nothing_optional_is_sent_unless_set(fake_openai, settings):
    llm.complete(PROMPT)
    assert set(fake_openai.chats[0].body) == {"model", "messages", "stream", "stream_options"}
    settings.CHAT_TEMPERATURE, settings.CHAT_MAX_OUTPUT_TOKENS = 0.2, 300
    llm.complete(PROMPT)
    assert fake_openai.chats[1].body["temperature"] == 0.2
    assert fake_openai.chats[1].body["max_tokens"] == 300


def test_half_characters_are_sent_as_question_marks(fake_openai):
    assert llm.complete([llm.Message(role="user", content="Broken \ud800 text.")]).is_complete
    assert fake_openai.chats[0].body["messages"][0]["content"] == "Broken ? text."


# --- answers that are not complete


def test_a_stream_that_ends_quietly_is_not_complete(fake_openai):
    fake_openai.fault("no_finish", after=3)
    pieces, fault = listen()
    assert fault is None
    assert pieces[-1].completion.finish_reason == ""
    assert not pieces[-1].completion.is_complete
    assert text_of(pieces) == "A student membership"


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_that_was_cut_off_says_why(fake_openai, reason):
    fake_openai.fault("finish", reason=reason, after=3)
    completion = listen()[0][-1].completion
    assert completion.finish_reason == reason
    assert not completion.is_complete


@pytest.mark.parametrize("name", ["reset", "stream_error", "broken_stream"])
def test_what_came_before_a_fault_in_the_stream_is_given(fake_openai, name):
    fake_openai.fault(name, after=3)
    pieces, fault = listen()
    assert text_of(pieces) == "A student membership"
    assert fault.retry is Retry.LATER
    assert fault.kind in ("interrupted", "bad_response")
    assert not any(piece.completion for piece in pieces)


def test_a_stall_in_mid_answer_ends_after_the_time_between_tokens(fake_openai, settings):
    settings.LLM_BETWEEN_TOKENS_TIMEOUT = 1
    fake_openai.fault("stall", after=3)
    started = time.monotonic()
    pieces, fault = listen()
    assert text_of(pieces) == "A student membership"
    assert fault.kind == "timeout"
    assert time.monotonic() - started < FIRST_TOKEN_SECONDS / 2


def test_the_pauses_of_the_consumer_do_not_count_as_the_providers(fake_openai, settings):
    settings.LLM_BETWEEN_TOKENS_TIMEOUT = 0.3

    async def read_slowly():
        return [await asyncio.sleep(0.4, piece) async for piece in llm.stream(PROMPT[1:], max_tokens=9)]

    fake_openai.answer = "One two three."
    assert asyncio.run(read_slowly())[-1].completion.is_complete


def test_a_slow_first_token_is_waited_for_longer_than_the_next(fake_openai, settings):
    settings.LLM_FIRST_TOKEN_TIMEOUT, settings.LLM_BETWEEN_TOKENS_TIMEOUT = 10, 1
    fake_openai.fault("late", seconds=1.5)
    assert llm.complete(PROMPT).is_complete


@pytest.mark.parametrize("fault", [{"name": "hang"}, {"name": "stall", "after": 0}])
def test_a_provider_that_never_begins_is_given_up(fake_openai, settings, fault):
    settings.LLM_FIRST_TOKEN_TIMEOUT = 0.4
    fake_openai.fault(**fault)
    pieces, error = listen()
    assert pieces == []
    assert error.kind == "timeout"
    assert error.retry is Retry.LATER


@pytest.mark.parametrize("name", ["broken_json", "html", "empty_object", "no_choices", "null_content"])
def test_an_answer_that_is_none_is_one_kind_of_error(fake_openai, name):
    fake_openai.fault(name)
    pieces, fault = listen()
    assert text_of(pieces) == ""
    assert isinstance(fault, llm.BadResponse)
    assert len(fake_openai.chats) == 1


def test_a_complete_answer_without_a_word_is_a_bad_response(fake_openai):
    fake_openai.answer = "   "
    assert listen()[1].kind == "empty_answer"


def test_a_stall_after_the_last_word_costs_nothing_but_the_usage(fake_openai):
    fake_openai.fault("stall_at_end")
    started = time.monotonic()
    completion = llm.complete(PROMPT)
    assert completion.is_complete
    assert completion.text == ANSWER
    assert time.monotonic() - started < 4


# --- hanging up


def test_leaving_the_stream_hangs_up_on_the_provider_at_once(fake_openai):
    fake_openai.fault("slow", seconds=0.05)

    async def leave():
        async with contextlib.aclosing(llm.stream(PROMPT)) as pieces:
            async for _piece in pieces:
                break
        return await asyncio.to_thread(_hung_up, fake_openai.chats[0])

    assert asyncio.run(leave())


def test_cancelling_the_task_hangs_up_on_the_provider_at_once(fake_openai):
    fake_openai.fault("stall", after=2)

    async def cancel():
        task = asyncio.create_task(anext_forever())
        await asyncio.sleep(0.5)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.5)

    async def anext_forever():
        async for _piece in llm.stream(PROMPT):
            pass

    asyncio.run(cancel())
    assert _hung_up(fake_openai.chats[0])


def _hung_up(asked, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until and asked.hung_up_at is None:
        time.sleep(0.02)
    return asked.hung_up_at is not None


# --- thinking


@pytest.mark.parametrize("how", ["tags", "reasoning_content", "reasoning"])
def test_thinking_never_enters_the_answer(fake_openai, how):
    fake_openai.fault("thinking", how=how, text="Hm, 42 < 43 perhaps.")
    pieces, _fault = listen()
    completion = pieces[-1].completion
    assert text_of(pieces) == completion.text == ANSWER
    assert completion.thinking == "Hm, 42 < 43 perhaps."
    assert "".join(piece.thinking for piece in pieces).strip() == completion.thinking


def test_thinking_whose_opening_tag_stood_in_the_prompt_is_taken_back(fake_openai):
    fake_openai.fault("thinking", how="open", text="Hm, perhaps.")
    completion = llm.complete(PROMPT)
    assert (completion.text, completion.thinking) == (ANSWER, "Hm, perhaps.")


def test_the_pieces_say_that_what_came_before_was_thinking(fake_openai):
    fake_openai.fault("thinking", text="A long thought.", how="open")
    pieces, _error = listen()
    (at,) = [number for number, piece in enumerate(pieces) if piece.takes_back]
    assert "thought" in "".join(piece.text for piece in pieces[:at])
    assert "".join(piece.text for piece in pieces[at:]) == pieces[-1].completion.text


def test_thinking_keeps_a_slow_model_from_being_given_up(fake_openai, settings):
    settings.LLM_FIRST_TOKEN_TIMEOUT = 0.5
    fake_openai.fault("thinking", how="reasoning_content", text="hm " * 12)
    fake_openai.fault("slow", seconds=0.1)
    assert llm.complete(PROMPT).is_complete


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_tags_are_found_however_they_are_split(size):
    splitter, whole = ThinkingSplitter(), "a < b <THINK>one</think>two <thinking>three</thinking> <thin air"
    parts = [splitter.feed(whole[at : at + size]) for at in range(0, len(whole), size)] + [splitter.flush()]
    assert "".join(text for text, _thinking in parts) == "a < b two  <thin air"
    assert "".join(thinking for _text, thinking in parts) == "onethree"


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"choices": None},
        {"choices": [None]},
        {"choices": ["x"]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": 7}, "finish_reason": []}]},
        {"choices": [], "usage": {"prompt_tokens": "many"}},
    ],
)
def test_odd_chunks_are_passed_over(chunk):
    reader = AnswerReader("m", "h")
    assert reader.feed(chunk) is None
    assert reader.usage == llm.Usage()


# --- what the provider refuses


@pytest.mark.parametrize(
    ("fault", "kind", "error"),
    [
        ({"status": 500}, "unavailable", llm.ProviderUnavailable),
        ({"status": 503, "html": True}, "unavailable", llm.ProviderUnavailable),
        ({"status": 403, "html": True}, "unavailable", llm.ProviderUnavailable),
        ({"status": 408}, "unavailable", llm.ProviderUnavailable),
        ({"status": 429}, "rate_limited", llm.RateLimited),
        ({"status": 402, "code": "payment"}, "quota_spent", llm.QuotaSpent),
        ({"status": 403, "code": "forbidden"}, "key_refused", llm.KeyRefused),
        ({"status": 403, "code": "model_not_found"}, "no_such_model", llm.RequestRefused),
        ({"status": 404, "code": "model_not_found"}, "no_such_model", llm.RequestRefused),
        ({"status": 404, "code": "whatever"}, "no_such_model", llm.RequestRefused),
        ({"status": 404, "html": True}, "no_such_page", llm.ProviderUnavailable),
        ({"status": 400, "html": True}, "unavailable", llm.ProviderUnavailable),
        (
            {"status": 400, "code": "x", "message": "The engine is overloaded"},
            "unavailable",
            llm.ProviderUnavailable,
        ),
        (
            {"status": 400, "code": "x", "message": "Not now. Please try again later."},
            "unavailable",
            llm.ProviderUnavailable,
        ),
        ({"status": 400, "code": "context_length_exceeded"}, "context_length", llm.RequestRefused),
        ({"status": 400, "code": "content_filter"}, "content_filter", llm.RequestRefused),
        ({"status": 400, "code": "whatever"}, "refused", llm.RequestRefused),
        ({"status": 422, "code": "whatever"}, "refused", llm.RequestRefused),
    ],
)
def test_each_refusal_has_its_type_and_costs_one_request(fake_openai, fault, kind, error):
    fake_openai.fault("status", **fault, on="chat")
    _pieces, raised = listen()
    assert type(raised) is error
    assert raised.kind == kind
    assert str(raised.sentence)
    assert str(raised.remedy)
    assert len(fake_openai.chats) == 1


def test_retry_after_becomes_a_time(fake_openai):
    fake_openai.fault("status", status=429, retry_after=20)
    wait = listen()[1].not_before - datetime.now(UTC)
    assert timedelta(seconds=17) < wait <= timedelta(seconds=20)


def test_retry_after_may_be_a_date(fake_openai):
    fake_openai.fault("status", status=503, retry_after="Fri, 01 Jan 2100 00:00:00 GMT")
    wait = listen()[1].not_before - datetime.now(UTC)
    assert timedelta(hours=23) < wait <= timedelta(days=1)  # nobody is believed for longer


@pytest.mark.parametrize("value", ["soon", "", "1e999", "-5"])
def test_an_odd_retry_after_is_no_time(fake_openai, value):
    fake_openai.fault("status", status=429, retry_after=value)
    assert listen()[1].not_before is None


def test_an_error_inside_the_stream_keeps_its_meaning(fake_openai):
    fake_openai.fault("stream_error", code="insufficient_quota")
    assert isinstance(listen()[1], llm.QuotaSpent)


def test_a_host_that_is_not_there_is_unreachable(fake_openai, settings):
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    error = listen()[1]
    assert error.kind == "unreachable"
    assert error.retry is Retry.LATER


@pytest.mark.parametrize("parameter", ["temperature", "max_tokens", "stream_options"])
def test_a_refused_parameter_is_dropped_once_and_remembered(fake_openai, settings, parameter):
    settings.CHAT_TEMPERATURE, settings.CHAT_MAX_OUTPUT_TOKENS = 0.2, 300
    fake_openai.fault("refuse", parameter=parameter)
    assert llm.complete(PROMPT).text == ANSWER
    assert llm.complete(PROMPT).text == ANSWER
    assert [parameter in asked.body for asked in fake_openai.chats] == [True, False, False]


def test_an_output_limit_goes_by_its_other_name_where_the_first_is_refused(fake_openai):
    fake_openai.fault("refuse", parameter="max_tokens")
    llm.complete(PROMPT, max_tokens=50)
    assert fake_openai.chats[1].body["max_completion_tokens"] == 50


def test_a_prompt_that_is_too_long_drops_no_parameter(fake_openai, settings):
    settings.CHAT_MAX_OUTPUT_TOKENS = 300
    fake_openai.fault(
        "status", status=400, code="context_length_exceeded", message="max_tokens and messages too long"
    )
    assert listen()[1].kind == "context_length"
    assert len(fake_openai.chats) == 1


# --- the breaker


@pytest.mark.parametrize(("name", "error"), [("quota", llm.QuotaSpent), ("bad_key", llm.KeyRefused)])
def test_a_refused_account_is_asked_once_in_a_minute(fake_openai, name, error):
    fake_openai.fault(name, times=0)
    for _try in range(3):
        raised = listen()[1]
        assert type(raised) is error
        assert raised.retry is Retry.AFTER_FIX
        assert timedelta(seconds=50) < raised.not_before - datetime.now(UTC) <= timedelta(seconds=60)
    with pytest.raises(error):
        llm.embed_documents(["one", "two"], model=MODEL)
    assert len(fake_openai.requests) == 1
    assert llm.breaker().kind == error.kind


def test_many_batches_with_a_refused_key_cost_one_request(fake_openai, settings):
    settings.EMBEDDING_BATCH_TEXTS = 1
    fake_openai.fault("bad_key", times=0)
    with pytest.raises(llm.KeyRefused):
        llm.embed_documents([f"text {n}" for n in range(20)], model=MODEL)
    assert len(fake_openai.requests) == 1


def test_after_a_minute_one_call_tries_and_closes_the_breaker(fake_openai, monkeypatch):
    fake_openai.fault("quota")
    listen()
    _pass_time(monkeypatch, seconds=61)
    assert llm.breaker() is None
    assert listen()[1] is None
    assert listen()[1] is None
    assert len(fake_openai.chats) == 3


def test_while_one_call_tries_the_others_still_wait(fake_openai, monkeypatch):
    fake_openai.fault("quota")
    listen()
    _pass_time(monkeypatch, seconds=61)
    fake_openai.fault("late", seconds=1)
    prober = threading.Thread(target=listen)
    prober.start()
    while len(fake_openai.chats) < 2:
        time.sleep(0.02)
    assert isinstance(listen()[1], llm.QuotaSpent)
    prober.join()
    assert len(fake_openai.chats) == 2


def test_a_probe_that_meets_another_fault_allows_the_next_one(fake_openai, monkeypatch):
    fake_openai.fault("quota")
    fake_openai.fault("status", status=500)
    listen()
    _pass_time(monkeypatch, seconds=61)
    assert isinstance(listen()[1], llm.ProviderUnavailable)
    assert listen()[1] is None


def test_another_key_is_not_held_back_by_the_refused_one(fake_openai, settings):
    fake_openai.fault("bad_key")
    listen()
    settings.OPENAI_API_KEY = "sk-another"
    assert listen()[1] is None


def test_the_breaker_holds_in_this_process_while_redis_is_away(fake_openai, settings, monkeypatch):
    settings.CACHES = _redis_away(settings)
    fake_openai.fault("quota", times=0)
    assert [type(listen()[1]) for _try in range(2)] == [llm.QuotaSpent] * 2
    assert len(fake_openai.chats) == 1


def _pass_time(monkeypatch, seconds):
    from ragsite.llm import circuit_breaker

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=seconds)

    monkeypatch.setattr(circuit_breaker, "datetime", Later)


def _redis_away(settings):
    return {"default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/redis.sock?db=0"}}


# --- nothing leaks


def test_neither_key_nor_text_comes_out_anywhere(fake_openai, caplog, settings):
    caplog.set_level(logging.DEBUG)
    settings.EMBEDDING_BATCH_TEXTS = 1
    said = []
    for fault in (
        {"name": "bad_key"},
        {"name": "status", "status": 400, "message": f"canary {KEY}"},
        {"name": "none"},
    ):
        fake_openai.control({"reset": True, "faults": [fault]})
        cache.clear()
        error = listen([llm.Message(role="user", content="canary question")])[1]
        said += [repr(error), str(error), str(error and error.sentence), repr(error and error.__cause__)]
    llm.embed_documents(["canary document"], model=MODEL)
    said += [record.getMessage() + str(record.exc_info) for record in caplog.records]
    assert any("call=chat" in line for line in said)
    assert not any("canary" in line or KEY in line for line in said)


def test_every_call_writes_one_line_with_its_outcome(fake_openai, caplog):
    caplog.set_level(logging.INFO, logger="ragsite.llm")
    fake_openai.fault("status", status=500)
    listen()
    listen()
    llm.embed_query("rain", model=MODEL)
    calls = [(record.call, record.outcome) for record in caplog.records]
    assert calls == [("chat", "unavailable"), ("chat", "ok"), ("embed", "ok")]
    assert "model=gpt-4.1-mini" in caplog.records[1].getMessage()
    assert caplog.records[1].input_tokens > 0


def test_a_traceback_shows_nothing_of_the_clients_own_error(fake_openai):
    import traceback

    fake_openai.fault("bad_key", times=0)
    text = "".join(traceback.format_exception(listen()[1]))
    assert "key_refused" in text
    assert KEY not in text


def test_a_key_with_a_line_break_is_named_without_being_shown(settings):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk-secret\nmore", ""
    error = listen()[1]
    assert error.kind == "bad_settings"
    assert llm.breaker() is None
    assert "secret" not in repr(error)


def test_credentials_in_the_address_are_not_shown(settings):
    settings.OPENAI_BASE_URL = "https://user:hunter2@models.example.org:8443/v1"
    assert llm.host_of_chat() == "models.example.org:8443"


# --- settings


def test_without_a_provider_there_is_no_chat_model(settings):
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = settings.EMBEDDING_MODEL = ""
    assert llm.chat_model() is None
    assert llm.host_of_chat() == ""
    assert llm.breaker() is None
    assert llm.default_embedding_model() == "all-MiniLM-L6-v2"
    error = listen()[1]
    assert error.kind == "not_configured"
    assert isinstance(error, LookupError)
    assert "OPENAI_API_KEY" in str(error.remedy)
    with pytest.raises(llm.NotConfigured):
        llm.embed_documents(["one"], model=MODEL)


def test_a_key_makes_openai_the_default_and_a_base_url_does_not(settings):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.EMBEDDING_MODEL = "sk-x", "", ""
    assert llm.default_embedding_model() == MODEL
    assert llm.host_of_chat() == "api.openai.com"
    settings.OPENAI_BASE_URL = "http://127.0.0.1:11434/v1"
    assert llm.default_embedding_model() == "all-MiniLM-L6-v2"
    assert llm.chat_model() == settings.CHAT_MODEL
    settings.EMBEDDING_MODEL = "nomic-embed-text"
    assert llm.default_embedding_model() == "nomic-embed-text"


def test_embedding_models_say_what_they_read(settings):
    settings.EMBEDDING_DIMENSIONS = None
    small = llm.embedding_model(MODEL)
    assert (small.dimensions, small.max_tokens, small.chunk_tokens, small.chunk_overlap) == (
        1536,
        8191,
        500,
        50,
    )
    assert llm.embedding_model("text-embedding-3-large").dimensions == 3072
    assert llm.embedding_model("nomic-embed-text").dimensions is None


def test_a_narrower_width_may_be_set_for_the_default_model_alone(settings):
    settings.EMBEDDING_MODEL, settings.EMBEDDING_DIMENSIONS = MODEL, 256
    assert llm.embedding_model(MODEL).dimensions == 256
    assert llm.embedding_model("text-embedding-3-large").dimensions == 3072


def test_money_is_known_for_listed_models_only(settings):
    settings.MODEL_PRICES = {"gpt-4.1": {"input": "2", "output": "8"}}
    assert llm.price("gpt-4.1", 1_000_000, 500_000) == Decimal(6)
    assert llm.price("gpt-4.1-2025-04-14", 1000, 0) == Decimal("0.002")
    assert llm.price("gpt-4.1", 1000, None) is None
    assert llm.price("llama3", 1000, 1000) is None


def test_the_tokens_of_a_stretch_of_work_are_summed(fake_openai):
    with llm.collect_usage() as used:
        completion = llm.complete(PROMPT)
        llm.embed_query("rain", model=MODEL)
    assert used.calls == 2
    assert used.output_tokens == completion.usage.output_tokens
    assert used.input_tokens > completion.usage.input_tokens


# --- trying the provider


def test_the_operators_test_makes_one_real_call_of_each_kind(fake_openai):
    tried = llm.test_provider()
    assert tried.ok
    assert tried.chat.model == "gpt-4.1-mini"
    assert tried.embedding.dimensions == 1536
    assert (len(fake_openai.chats), len(fake_openai.embeddings)) == (1, 1)


def test_the_operators_test_calls_while_the_breaker_is_open_and_closes_it(fake_openai):
    fake_openai.fault("bad_key")
    listen()
    assert llm.breaker()
    assert llm.test_provider().chat.ok
    assert llm.breaker() is None


def test_the_operators_test_says_plainly_what_is_wrong(fake_openai):
    fake_openai.fault("bad_key", times=0)
    tried = llm.test_provider()
    assert not tried.ok
    assert tried.chat.kind == tried.embedding.kind == "key_refused"
    assert "key" in str(tried.chat.sentence)
    assert KEY not in str(tried)


def test_the_operators_test_without_a_provider_says_so(settings):
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""
    assert llm.test_provider(MODEL).embedding.kind == "not_configured"


def test_a_warm_client_is_used_by_the_first_question(fake_openai):
    async def day():
        await llm.warm()
        pieces = [piece async for piece in llm.stream(PROMPT)]
        await llm.aclose()
        return pieces

    assert asyncio.run(day())[-1].completion.is_complete


def test_warming_up_never_fails(settings):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk with spaces", "nonsense"
    asyncio.run(llm.warm())


# --- processes


def test_a_forked_process_makes_its_own_client(fake_openai):
    llm.embed_query("before", model=MODEL)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            llm.embed_query("after", model=MODEL)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert llm.embed_query("again", model=MODEL).shape == (1536,)
    assert fake_openai.embedded_texts == ["before", "after", "again"]


def test_a_jobs_time_out_passes_through_the_client(fake_openai):
    import signal

    class JobTimeout(Exception):
        pass

    def ring(*_args):
        raise JobTimeout

    fake_openai.fault("hang", times=0)
    previous = signal.signal(signal.SIGALRM, ring)
    try:
        for call in (lambda: llm.complete(PROMPT), lambda: llm.embed_query("rain", model=MODEL)):
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            started = time.monotonic()
            with pytest.raises(JobTimeout):
                call()
            assert time.monotonic() - started < 4
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_redis_away_breaks_no_call_and_is_logged_once(fake_openai, settings, caplog):
    settings.CACHES = _redis_away(settings)
    caplog.set_level(logging.INFO, logger="ragsite.llm")
    for text in ("one", "two"):
        assert np.isfinite(llm.embed_query(text, model=MODEL)).all()
        llm_cache._away_until = 0
    assert listen()[1] is None
    assert sum("cache away" in record.getMessage() for record in caplog.records) == 1
