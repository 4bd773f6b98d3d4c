"""The openai backend's vectors: right, in order, paid for once, in batches that the server takes."""

import threading
import time

import numpy as np
import pytest

from ragsite import llm
from ragsite.llm import embedding
from tests.fake_openai import count_tokens, vector_of

MODEL = "text-embedding-3-small"
TEXTS = [f"Passage number {number} is about the rain." for number in range(10)]


def embed(texts=TEXTS, model=MODEL, **options):
    return llm.embed_documents(texts, model=model, **options)


def sizes(fake):
    return [len(asked.texts) for asked in fake.embeddings]


@pytest.fixture
def known_good(fake_openai):
    """A provider that has answered lately, so that several requests at once are no risk."""
    llm.embed_query("hello", model=MODEL)
    fake_openai.requests.clear()
    return fake_openai


# --- good vectors


def test_vectors_come_as_float32_in_the_order_of_the_texts(fake_openai):
    vectors = embed()
    assert vectors.dtype == np.float32
    assert vectors.shape == (10, 1536)
    np.testing.assert_allclose(vectors[7], vector_of(TEXTS[7]), atol=1e-6)


def test_no_texts_need_no_request(fake_openai):
    assert embed([]).shape == (0, 1536)
    assert fake_openai.requests == []


def test_the_same_text_is_sent_once(fake_openai):
    vectors = embed(["rain", "sun", "rain"])
    assert fake_openai.embedded_texts == ["rain", "sun"]
    assert (vectors[0] == vectors[2]).all()


def test_a_text_without_words_is_the_callers_mistake(fake_openai):
    with pytest.raises(ValueError, match="without words"):
        embed(["rain", " \n"])
    assert fake_openai.requests == []


def test_vectors_in_another_order_are_put_right_by_their_index(fake_openai):
    fake_openai.fault("reversed")
    np.testing.assert_allclose(embed()[2], vector_of(TEXTS[2]), atol=1e-6)


@pytest.mark.parametrize("host_is_openai", [True, False])
def test_both_encodings_give_the_same_vectors(fake_openai, monkeypatch, host_is_openai):
    from ragsite.llm.provider import Provider

    monkeypatch.setattr(Provider, "is_openai", property(lambda self: host_is_openai))
    np.testing.assert_allclose(embed()[0], vector_of(TEXTS[0]), atol=1e-6)
    assert fake_openai.embeddings[0].body["encoding_format"] == ("base64" if host_is_openai else "float")


def test_a_question_is_embedded_like_a_document(fake_openai):
    question, (near, far) = llm.embed_query("rain", model=MODEL), embed(["Rain again.", "A dry day."])
    assert question.shape == (1536,)
    assert question @ near > question @ far


def test_a_question_longer_than_the_model_reads_is_cut_off(fake_openai):
    llm.embed_query("rain and sun " * 6000, model=MODEL)
    (sent,) = fake_openai.embedded_texts
    assert 8000 < llm.tokenizer_for(MODEL).count(sent) <= 8191


def test_a_passage_longer_than_the_model_reads_is_refused_before_it_is_sent(fake_openai):
    with pytest.raises(llm.RequestRefused) as error:
        embed(["short", "rain and sun " * 6000])
    assert error.value.kind == "too_long"
    assert fake_openai.requests == []


# --- width


def test_dimensions_are_asked_for_only_when_they_differ_from_the_models_own(fake_openai):
    assert embed(dimensions=256).shape == (10, 256)
    embed(["another"], dimensions=1536)
    assert [asked.body.get("dimensions") for asked in fake_openai.embeddings] == [256, None]


def test_the_width_of_an_unknown_model_is_found_by_one_call(fake_openai):
    assert llm.probe_dimensions("nomic-embed-text") == 1536
    assert len(fake_openai.requests) == 1


def test_an_unknown_model_gives_what_it_gives(fake_openai):
    assert embed(model="nomic-embed-text").shape == (10, 1536)
    assert "dimensions" not in fake_openai.embeddings[0].body


@pytest.mark.parametrize("parameter", ["encoding_format", "dimensions"])
def test_a_refused_parameter_is_dropped_once_and_remembered(fake_openai, parameter):
    fake_openai.fault("refuse", parameter=parameter)
    for text in ("one", "two"):
        embed([text], model="nomic-embed-text", dimensions=1536)
    assert [parameter in asked.body for asked in fake_openai.embeddings] == [True, False, False]


def test_a_width_that_the_server_cannot_give_is_a_bad_response(fake_openai):
    fake_openai.fault("refuse", parameter="dimensions")
    with pytest.raises(llm.BadResponse) as error:
        embed(dimensions=256)
    assert error.value.kind == "bad_vectors"


# --- wrong vectors


@pytest.mark.parametrize(
    "name", ["wrong_dimension", "missing_vector", "nan", "zero", "same_index", "text_vector"]
)
def test_vectors_that_cannot_be_right_are_refused_and_not_kept(fake_openai, name):
    fake_openai.fault(name)
    with pytest.raises(llm.BadResponse) as error:
        embed()
    assert error.value.kind == "bad_vectors"
    assert error.value.is_passing
    embed()
    assert sizes(fake_openai) == [10, 10]


@pytest.mark.parametrize("name", ["broken_json", "html", "empty_object"])
def test_an_answer_that_is_none_is_a_bad_response(fake_openai, name):
    fake_openai.fault(name)
    with pytest.raises(llm.BadResponse):
        embed()
    assert len(fake_openai.requests) == 1


# --- batches


def test_batches_are_filled_by_count(fake_openai, settings):
    settings.EMBEDDING_BATCH_TEXTS = 4
    embed()
    assert sorted(sizes(fake_openai)) == [2, 4, 4]


def test_batches_are_filled_by_tokens(fake_openai, settings):
    settings.EMBEDDING_BATCH_TOKENS = llm.tokenizer_for(MODEL).count(TEXTS[0]) * 3
    embed()
    assert sorted(sizes(fake_openai)) == [1, 3, 3, 3]


def test_several_batches_are_in_flight_at_once(known_good, settings):
    settings.EMBEDDING_BATCH_TEXTS, settings.EMBEDDING_CONCURRENCY = 1, 4
    known_good.fault("late", seconds=1)
    started = time.monotonic()
    embed(TEXTS[:4])
    assert time.monotonic() - started < 3.5  # one after the other they would take four


def test_no_more_are_in_flight_than_the_setting_says(known_good, settings):
    settings.EMBEDDING_BATCH_TEXTS, settings.EMBEDDING_CONCURRENCY = 1, 2
    known_good.fault("late", seconds=0.2)
    started = time.monotonic()
    embed(TEXTS[:6])
    assert time.monotonic() - started >= 0.6


def test_progress_is_told_in_the_calling_thread_after_each_batch(fake_openai, settings):
    settings.EMBEDDING_BATCH_TEXTS = 4
    told = []
    embed(on_progress=lambda done: told.append((done, threading.current_thread())))
    assert {thread for _done, thread in told} == {threading.current_thread()}
    assert [done for done, _thread in told] == sorted(done for done, _thread in told)
    assert told[-1][0] == 10
    assert len(told) == 3


def test_progress_counts_what_the_cache_had(fake_openai):
    told = []
    embed(TEXTS[:6])
    embed(on_progress=told.append)
    assert told == [6, 10]


@pytest.mark.parametrize(
    ("fault", "limit"),
    [
        ({"name": "max_texts", "most": 3}, lambda asked: len(asked.texts) <= 3),
        ({"name": "max_texts", "most": 3, "status": 400}, lambda asked: len(asked.texts) <= 3),
        ({"name": "max_tokens", "most": 40}, lambda asked: sum(map(count_tokens, asked.texts)) <= 40),
    ],
)
def test_a_batch_refused_for_its_size_is_halved_and_the_size_remembered(fake_openai, fault, limit):
    fake_openai.fault(**fault)
    np.testing.assert_allclose(embed()[9], vector_of(TEXTS[9]), atol=1e-6)
    assert not all(limit(asked) for asked in fake_openai.embeddings)
    fake_openai.requests.clear()
    embed([f"Passage number {n} is about the sun." for n in range(10)])
    assert all(limit(asked) for asked in fake_openai.embeddings)


def test_no_text_is_lost_or_doubled_by_halving(fake_openai, settings):
    settings.EMBEDDING_BATCH_TEXTS = 5
    fake_openai.fault("max_texts", most=1)
    vectors = embed()
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(vector, vector_of(text), atol=1e-6)


def test_one_text_that_is_too_long_teaches_nothing_about_batches(fake_openai):
    long = "rain and sun " * 200
    fake_openai.fault("max_tokens", most=300)
    with pytest.raises(llm.RequestRefused) as error:
        embed([*TEXTS, long])
    assert error.value.kind == "too_long"
    assert not error.value.is_passing
    fake_openai.requests.clear()
    embed([f"Text {n}" for n in range(20)])
    assert sizes(fake_openai) == [20]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (500, "input is too large to process. increase the physical batch size"),
        (400, "Array too long. Expected an array with maximum length 2048"),
        (400, "batch size 10 exceeds the limit of this server, try again with fewer inputs"),
        (400, "'$.input' is invalid. Please check the API reference"),
    ],
)
def test_a_batch_is_halved_whatever_words_its_size_is_refused_in(fake_openai, status, message):
    fake_openai.fault("max_texts", most=5, status=status, message=message)
    assert embed().shape == (10, 1536)
    assert sizes(fake_openai) == [10, 5, 5]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (500, "HTTPSConnectionPool(host='x'): Max retries exceeded with url: /embeddings"),
        (500, "Connection limit exceeded"),
        (500, "upstream: maximum number of pending requests"),
        (500, "context deadline exceeded"),
        (500, "too many open files"),
        (400, "engine overloaded: too many requests at the moment"),
        (400, "Rate limit exceeded: too many tokens per minute"),
    ],
)
def test_a_busy_server_that_speaks_of_limits_refuses_no_text_for_good(fake_openai, status, message):
    fake_openai.fault("status", status=status, message=message, code="server_error")
    with pytest.raises(llm.ProviderUnavailable) as error:
        embed()
    assert error.value.is_passing
    assert len(fake_openai.requests) == 1


def test_a_single_text_that_a_broken_server_calls_too_large_may_pass_later(fake_openai):
    fake_openai.fault("status", status=500, message="input is too large to process", times=0)
    with pytest.raises(llm.ProviderUnavailable) as error:
        embed(TEXTS[:2])
    assert error.value.is_passing
    assert sizes(fake_openai) == [2, 1]
    fake_openai.heal()
    fake_openai.requests.clear()
    embed()
    assert sizes(fake_openai) == [10], "a server that was broken teaches nothing about batches"


# --- faults


def test_a_limit_of_requests_is_raised_with_its_time(fake_openai):
    fake_openai.fault("status", status=429, retry_after=20)
    with pytest.raises(llm.RateLimited) as error:
        embed()
    assert error.value.not_before
    assert len(fake_openai.requests) == 1


def test_a_hanging_server_is_given_up(fake_openai, settings):
    settings.LLM_FIRST_TOKEN_TIMEOUT = 0.4
    fake_openai.fault("hang")
    with pytest.raises(llm.ProviderUnavailable) as error:
        embed()
    assert error.value.kind == "timeout"


def test_a_server_that_never_ends_its_answer_is_given_up_and_hung_up_on(fake_openai, settings, monkeypatch):
    settings.LLM_FIRST_TOKEN_TIMEOUT = 0.4  # each byte comes well within it
    monkeypatch.setattr(embedding, "OVERHEAD_SECONDS", 0.2)
    monkeypatch.setattr(embedding, "SECONDS_A_TEXT", 0.01)
    fake_openai.fault("drip")
    started = time.monotonic()
    with pytest.raises(llm.ProviderUnavailable) as error:
        embed()
    assert error.value.kind == "timeout"
    assert time.monotonic() - started < 3
    deadline = time.monotonic() + 20
    while not fake_openai.embeddings[0].hung_up_at and time.monotonic() < deadline:
        time.sleep(0.05)
    assert fake_openai.embeddings[0].hung_up_at, "no thread and no connection is left behind"


def test_the_other_answers_are_kept_when_one_never_ends(known_good, settings, monkeypatch):
    settings.LLM_FIRST_TOKEN_TIMEOUT, settings.EMBEDDING_BATCH_TEXTS = 0.4, 5
    monkeypatch.setattr(embedding, "OVERHEAD_SECONDS", 0.2)
    known_good.fault("drip")
    with pytest.raises(llm.ProviderUnavailable):
        embed()
    known_good.requests.clear()
    embed()
    assert sizes(known_good) == [5]


def test_many_texts_may_take_longer_than_few():
    assert embedding.longest_request(2048) > embedding.longest_request(1) + 300


def test_after_a_fault_in_the_middle_only_the_rest_is_sent_again(known_good, settings):
    settings.EMBEDDING_BATCH_TEXTS, settings.EMBEDDING_CONCURRENCY = 2, 1
    known_good.fault("none", times=3)
    known_good.fault("status", status=500)
    with pytest.raises(llm.ProviderUnavailable):
        embed()
    known_good.requests.clear()
    embed()
    assert known_good.embedded_texts == TEXTS[6:]


def test_batches_on_their_way_when_another_fails_are_kept(known_good, settings):
    settings.EMBEDDING_BATCH_TEXTS = 5
    known_good.fault("status", status=500)
    known_good.fault("late", seconds=0.5, times=2)
    with pytest.raises(llm.ProviderUnavailable):
        embed()
    known_good.requests.clear()
    embed()
    assert sizes(known_good) == [5]


def test_a_caller_that_stops_in_its_progress_pays_for_nothing_twice(fake_openai, settings):
    settings.EMBEDDING_BATCH_TEXTS, settings.EMBEDDING_CONCURRENCY = 2, 1

    def stop(done):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        embed(on_progress=stop)
    embed()
    assert sorted(fake_openai.embedded_texts) == sorted(TEXTS)


def test_what_only_passes_through_the_client_is_raised_as_it_was():
    from ragsite.llm.backends.openai_errors import openai, translate

    request = openai.OpenAI(api_key="x")._client.build_request("POST", "http://127.0.0.1")
    error = openai.APIConnectionError(request=request)
    error.__cause__ = InterruptedJob()
    with pytest.raises(InterruptedJob):
        translate(error)
    error.__cause__ = ConnectionResetError()
    assert translate(error).kind == "unreachable"


class InterruptedJob(Exception):
    """As the queue raises it when a job's time is over."""


# --- the local model


def test_the_local_model_needs_no_provider_and_is_cached_too(fake_openai, settings):
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""
    told = []
    vectors = embed(model="all-MiniLM-L6-v2", on_progress=told.append)
    assert vectors.shape == (10, 384)
    assert vectors.dtype == np.float32
    assert told == [10]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    embed(model="all-MiniLM-L6-v2", on_progress=told.append)
    assert told == [10, 10]
    assert fake_openai.requests == []


def test_damaged_weights_are_named(settings, monkeypatch):
    from ragsite.llm.backends import local

    def refuse(texts):
        raise local.WeightsUnavailable("model.safetensors")

    monkeypatch.setattr(local, "embed", refuse)
    with pytest.raises(llm.NotConfigured) as error:
        embed(["one"], model="all-MiniLM-L6-v2")
    assert error.value.kind == "local_missing"


def test_an_unknown_models_later_batches_are_asked_for_like_the_first(fake_openai, settings):
    settings.EMBEDDING_BATCH_TEXTS = 4
    embed(model="nomic-embed-text")
    assert not any("dimensions" in asked.body for asked in fake_openai.embeddings)


def test_a_local_model_that_is_not_installed_is_named(monkeypatch):
    from ragsite.llm.backends import local

    monkeypatch.setattr(local, "is_installed", lambda: False)
    with pytest.raises(LookupError) as error:
        llm.embedding_model("all-MiniLM-L6-v2")
    assert "local" in str(error.value.sentence)
