"""Embeddings from the OpenAI backend: correct, in order, paid for once, in batches that the server accepts."""

import base64
import threading
import time

import numpy as np
import pytest

from ragsite import llm
from ragsite.failures import Retry
from ragsite.llm.embeddings import run
from tests.support.fake_openai import count_tokens, vector_of

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
    with pytest.raises(ValueError, match="blank text"):
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


def test_a_passage_longer_than_the_model_reads_is_sent_in_parts(fake_openai):
    vectors = embed(["short", "rain and sun " * 6000, "rain"])
    count = llm.tokenizer_for(MODEL).count
    assert all(count(text) <= 8191 for text in fake_openai.embedded_texts)
    assert sizes(fake_openai) == [6]
    np.testing.assert_allclose(vectors[1], vector_of("rain and sun"), atol=0.01)
    np.testing.assert_allclose(vectors[2], vector_of("rain"), atol=1e-6)


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
    assert error.value.retry is Retry.LATER
    embed()
    assert sizes(fake_openai) == [10, 10]


def change(**values):
    return lambda items: [item | {k: v(item) for k, v in values.items()} for item in items]


def without_index(*places):
    return lambda items: [
        {k: v for k, v in item.items() if k != "index" or place not in places}
        for place, item in enumerate(items)
    ]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (501, "This server does not support embeddings. Start it with `--embeddings`"),
        (400, "this model does not support embeddings"),
        (400, "The model does not support Embeddings API"),
        (500, "llama3 is not an embedding model"),
        (400, "Model is not embedding"),
        (403, "You are not allowed to generate embeddings from this model"),
    ],
)
def test_a_model_that_makes_no_embeddings_waits_for_the_operator(fake_openai, status, message):
    fake_openai.fault("status", status=status, message=message, code="not_supported", times=0)
    with pytest.raises(llm.NotConfigured) as error:
        embed()
    assert error.value.kind == "no_embeddings"
    assert error.value.retry is Retry.AFTER_FIX
    assert "Choose an embedding model" in str(error.value.remedy)
    assert len(fake_openai.requests) == 1


@pytest.mark.parametrize(
    "message",
    [
        "Input should be a valid string",
        "json: cannot unmarshal array into Go struct field EmbeddingRequest.input of type string",
        "`input` must be a string",
    ],
)
def test_a_server_that_takes_no_list_gets_one_text_at_a_time(fake_openai, message):
    fake_openai.fault("no_list", message=message)
    np.testing.assert_allclose(embed()[9], vector_of(TEXTS[9]), atol=1e-6)
    fake_openai.requests.clear()
    embed(["another", "and one more"])
    assert {asked.body["input"] for asked in fake_openai.embeddings} == {"another", "and one more"}


@pytest.mark.parametrize(
    ("model", "query", "passage"),
    [("nvidia/nv-embedqa-e5-v5", "query", "passage"), ("embed-v4.0", "search_query", "search_document")],
)
def test_a_server_that_asks_for_the_purpose_of_texts_is_told_it(fake_openai, model, query, passage):
    fake_openai.fault("wants_input_type", message="'input_type' parameter is required for asymmetric models")
    embed(["rain", "sun"], model=model)
    llm.embed_query("rain", model=model)
    llm.embed_query("rain", model=model)
    told = [asked.body.get("input_type") for asked in fake_openai.embeddings]
    assert told == [None, passage, query]


@pytest.mark.parametrize("text", ["\u200b", "\u200e\u200f", "\ufeff \u200b"])
def test_a_text_in_which_nothing_can_be_seen_is_not_sent_as_an_empty_one(fake_openai, text):
    assert np.isfinite(embed([text])).all()
    assert fake_openai.embedded_texts == ["."]


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("insufficient_quota", "You exceeded your current quota.", "quota_spent"),
        ("invalid_api_key", "The key exceeds its maximum age.", "key_refused"),
        ("model_not_found", "The model is larger than this machine can hold.", "no_such_model"),
    ],
)
def test_a_refused_account_that_speaks_of_limits_halves_no_batch(fake_openai, code, message, kind):
    fake_openai.fault("status", status=400, code=code, message=message, times=0)
    with pytest.raises(llm.ProviderError) as error:
        embed()
    assert error.value.kind == kind
    assert len(fake_openai.requests) == 1


READABLE = {
    "without the index 0": without_index(0),
    "without any index": without_index(*range(10)),
    "without some, in order": without_index(0, 3, 5),
    "without the index 0, in another order": lambda items: without_index(0)(items)[::-1],
    "index null": change(index=lambda item: item["index"] or None),
    "index as text": change(index=lambda item: str(item["index"])),
    "index as a number with a point": change(index=lambda item: float(item["index"])),
    "counted from one": lambda items: change(index=lambda item: item["index"] + 1)(items)[::-1],
    "numbers as text": change(embedding=lambda item: [str(number) for number in item["embedding"]]),
    "a list in a list": change(embedding=lambda item: [item["embedding"]]),
    "as base64 though not asked for": change(embedding=lambda item: base64_of(item["embedding"])),
    "an object by kind": change(embedding=lambda item: {"float": item["embedding"]}),
    "an object with values": change(embedding=lambda item: {"values": item["embedding"]}),
    "plain lists": lambda items: [item["embedding"] for item in items],
    "an object of another name": change(object=lambda item: None),
}


def test_vectors_that_are_sorted_by_their_kind_are_read(fake_openai):
    vectors = [[1.0, 0.0], [0.0, 1.0]]
    fake_openai.fault("body", value={"embeddings": {"float": vectors}})
    assert llm.embed_documents(["a", "b"], model="some-model").tolist() == vectors


@pytest.mark.parametrize("how", READABLE)
def test_vectors_are_read_in_every_shape_in_which_servers_send_them(fake_openai, how):
    fake_openai.fault("items", of=READABLE[how])
    vectors = embed()
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(vector, vector_of(text), atol=1e-6)


UNREADABLE = {
    "too large for the database": change(embedding=lambda item: [1e30] * 1536),
    "too large for half precision": change(embedding=lambda item: [70_000.0] * 1536),
    "too small for half precision": change(embedding=lambda item: [1e-30] * 1536),
    "beyond any float": change(embedding=lambda item: [10**400] * 1536),
    "infinite": change(embedding=lambda item: [float("inf")] * 1536),
    "empty": change(embedding=lambda item: []),
    "null": change(embedding=lambda item: None),
    "null numbers": change(embedding=lambda item: [None] * 1536),
    "yes and no": change(embedding=lambda item: [True] * 1536),
    "a number": change(embedding=lambda item: 0.5),
    "a vector for each token": change(embedding=lambda item: [item["embedding"]] * 3),
    "broken base64": change(embedding=lambda item: "not base64!"),
    "base64 cut off": change(embedding=lambda item: "AAAA"),
    "an object of numbers": change(embedding=lambda item: {"0": 0.5, "1": 0.5}),
    "no embedding at all": lambda items: [{"index": item["index"]} for item in items],
    "more than were asked for": lambda items: [*items, items[0]],
    "none": lambda items: [],
    "an index too high": change(index=lambda item: item["index"] + 5),
    "an index twice": change(index=lambda item: max(item["index"], 1)),
    "indexes that are words": change(index=lambda item: "first"),
    "two left out, in another order": lambda items: without_index(0, 1)(items)[::-1],
    "too wide to be stored": change(embedding=lambda item: [0.5] * 16_001),
    "of different widths": lambda items: [items[0] | {"embedding": [0.5]}, *items[1:]],
}


@pytest.mark.parametrize("how", UNREADABLE)
@pytest.mark.parametrize("model", [MODEL, "unknown-embedder"])
def test_vectors_that_cannot_be_right_are_said_plainly(fake_openai, how, model):
    fake_openai.fault("items", of=UNREADABLE[how])
    with pytest.raises(llm.BadResponse) as error:
        embed(model=model)
    assert error.value.kind == "bad_vectors"
    assert str(error.value.sentence).startswith("The provider returned invalid vectors. ")
    assert str(error.value.sentence).endswith(".")
    embed(model=model)
    assert sizes(fake_openai) == [10, 10], "nothing was kept"


def base64_of(numbers):
    return base64.b64encode(np.asarray(numbers, "<f4").tobytes()).decode()


REFUSED_WITH_200 = [
    ({"error": {"code": 429, "message": "Provider returned error"}}, "rate_limited"),
    ({"error": {"code": "invalid_api_key", "message": "no"}}, "key_refused"),
    ({"error": {"code": 401, "message": "User not found."}}, "key_refused"),
    ({"error": {"code": 402, "message": "Insufficient credits"}}, "quota_spent"),
    ({"error": "upstream connect error"}, "unavailable"),
    (
        {"object": "error", "message": "The model does not exist.", "type": "NotFoundError", "code": 404},
        "no_such_model",
    ),
    ({"detail": "Something"}, "unavailable"),
    ({"data": []}, "bad_vectors"),
    ({"data": None}, "bad_response"),
    ({"data": {"embedding": [1]}}, "bad_response"),
    ({"error": "Unexpected endpoint or method. (POST /embeddings). Returning 200 anyway"}, "no_such_page"),
    ("[]", "bad_response"),
    (None, "bad_response"),
]


@pytest.mark.parametrize(("value", "kind"), REFUSED_WITH_200)
def test_a_refusal_that_comes_with_status_200_is_called_what_it_is(fake_openai, value, kind):
    fake_openai.fault("body", value=value)
    with pytest.raises(llm.ProviderError) as error:
        embed()
    assert error.value.kind == kind
    assert len(fake_openai.requests) == 1


@pytest.mark.parametrize("tokens", [-1, 10**30, "12", 1.5, True, None])
def test_an_odd_count_of_tokens_counts_as_not_said(fake_openai, tokens):
    vector = {"index": 0, "embedding": [0.5] * 1536}
    fake_openai.fault("body", value={"data": [vector], "usage": {"prompt_tokens": tokens}})
    with llm.collect_usage() as used:
        embed(["rain"])
    assert used.input_tokens == 0


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
    np.testing.assert_allclose(embed([*TEXTS, long])[10], vector_of(long), atol=1e-3)
    fake_openai.requests.clear()
    embed([f"Text {n}" for n in range(20)])
    assert sizes(fake_openai) == [20]


WINDOWS = [
    (400, "This model's maximum context length is 120 tokens. However, you requested 650 tokens."),
    (413, "`inputs` must have less than 120 tokens. Given: 650"),
    (422, "Input validation error: inputs tokens must be <= 120"),
    (500, "input is too large to process. increase the physical batch size"),
    (400, "the input length exceeds the context length"),
    (400, "The size of tensor a (650) must match the size of tensor b (120) at dimension 1"),
    (500, "index out of range in self: sequence"),
    (400, "length of prompt_tokens must be less than 120"),
    (
        400,
        "The max allowed tokens per submitted batch is 120. Please lower the number of tokens in the batch.",
    ),
    (400, "input \u6700\u5927\u4e0d\u5f97\u8d85\u8fc7120"),
]


@pytest.mark.parametrize(("status", "message"), WINDOWS)
def test_a_text_that_the_server_finds_too_long_is_embedded_in_parts(fake_openai, status, message):
    fake_openai.fault("window", most=120, status=status, message=message)
    long = "The rain in Bergen falls on every roof. " * 60
    vectors = embed([*TEXTS, long])
    assert vectors[10] @ vector_of("The rain in Bergen falls on every roof.") > 0.99
    np.testing.assert_allclose(np.linalg.norm(vectors[10]), 1, atol=1e-3)
    np.testing.assert_allclose(vectors[3], vector_of(TEXTS[3]), atol=1e-6)


def test_a_text_in_parts_is_paid_for_once(fake_openai):
    fake_openai.fault("window", most=120)
    first = embed(["rain and sun " * 200])
    fake_openai.requests.clear()
    assert (embed(["rain and sun " * 200]) == first).all()
    assert fake_openai.requests == []


def test_texts_as_long_as_one_that_was_refused_are_sent_in_parts_at_once(fake_openai, settings):
    settings.EMBEDDING_BATCH_TEXTS, settings.EMBEDDING_CONCURRENCY = 1, 1
    fake_openai.fault("window", most=120)
    embed([f"{number} rain and sun " + "falls again " * 200 for number in range(4)])
    refused = [asked for asked in fake_openai.embeddings if count_tokens(asked.texts[0]) > 120]
    assert len(refused) < 8, "only the first text was tried at every length"


def test_a_text_that_no_cutting_makes_short_enough_is_refused_after_few_requests(fake_openai):
    fake_openai.fault("window", most=0)
    with pytest.raises(llm.RequestRefused) as error:
        embed(["rain and sun " * 40])
    assert error.value.kind == "too_long"
    assert error.value.retry is Retry.NEVER
    assert len(fake_openai.requests) < 8


def test_text_without_a_single_space_is_cut_too(fake_openai):
    fake_openai.fault("window", most=20)
    assert np.isfinite(embed(["\u96e8" * 400])).all()


def test_every_part_begins_with_the_prefix_that_the_model_wants(fake_openai):
    fake_openai.fault("window", most=120)
    embed(["rain and sun " * 100], prefix="passage: ")
    assert all(text.startswith("passage: ") for text in fake_openai.embedded_texts)
    assert not any("passage: " in text[1:] for text in fake_openai.embedded_texts)


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
    assert error.value.retry is Retry.LATER
    assert len(fake_openai.requests) == 1


def test_a_single_text_that_a_broken_server_calls_too_large_may_pass_later(fake_openai):
    fake_openai.fault("status", status=500, message="input is too large to process", times=0)
    with pytest.raises(llm.ProviderUnavailable) as error:
        embed(TEXTS[:2])
    assert error.value.retry is Retry.LATER
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
    monkeypatch.setattr(run, "OVERHEAD_SECONDS", 0.2)
    monkeypatch.setattr(run, "SECONDS_PER_TEXT", 0.01)
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
    monkeypatch.setattr(run, "OVERHEAD_SECONDS", 0.2)
    known_good.fault("drip")
    with pytest.raises(llm.ProviderUnavailable):
        embed()
    known_good.requests.clear()
    embed()
    assert sizes(known_good) == [5]


def test_many_texts_may_take_longer_than_few():
    assert run.max_request_seconds(2048, 60) > run.max_request_seconds(1, 60) + 300


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
    from ragsite.llm.backends.openai.errors import openai, translate

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
