"""Vectors and small facts in Redis."""

import numpy as np
import pytest
from django.core.cache import cache

from ragsite.llm import cache as llm_cache

MODEL = "some-model"
VECTOR = np.array([0.25, -1.5, 1e-7], np.float32)


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()
    llm_cache.forget_everything_here()


@pytest.fixture
def redis_away(settings):
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/redis.sock?db=0"}
    }


def keep(text="rain", vector=VECTOR, model=MODEL, dimensions=3):
    llm_cache.save_vectors({text: vector}, model=model, dimensions=dimensions)


def only_key():
    """The key of the one kept vector; sites with another prefix may share the database."""
    (key,) = cache._cache.get_client(None).keys(cache.make_key("llm:vector*"))
    return key


def found(text="rain", model=MODEL, dimensions=3):
    return llm_cache.cached_vectors([text], model=model, dimensions=dimensions)


def test_a_kept_vector_comes_back_bit_for_bit():
    keep()
    vector = found()["rain"]
    assert vector.dtype == np.float32
    assert (vector == VECTOR).all()


@pytest.mark.parametrize("other", [{"text": "Rain"}, {"model": "another"}, {"dimensions": None}])
def test_another_text_model_or_width_finds_nothing(other):
    keep()
    assert found(**other) == {}


def test_vectors_are_kept_for_a_day_under_a_key_that_shows_no_text():
    keep(text="secret words")
    client, key = cache._cache.get_client(None), only_key()
    assert b"secret" not in key
    assert 86_000 < client.ttl(key) <= 86_400


def test_a_great_many_vectors_go_in_and_out():
    texts = [f"text {number}" for number in range(700)]
    llm_cache.save_vectors(dict.fromkeys(texts, VECTOR), model=MODEL, dimensions=3)
    assert list(llm_cache.cached_vectors(texts, model=MODEL, dimensions=3)) == texts


@pytest.mark.parametrize("damage", ["", "not base64!", "AAAA", 7, None, {"a": 1}])
def test_a_damaged_entry_counts_as_absent(damage):
    keep()
    key = only_key()
    cache.set(key.decode()[key.index(b"llm:") :], damage)
    assert found() == {}


def test_a_half_character_has_a_key_too():
    keep(text="broken \ud800 text")
    assert found("broken \ud800 text")


def test_what_is_remembered_is_recalled_until_it_is_forgotten():
    llm_cache.remember("fact", {"a": [1]}, 60)
    llm_cache._own.clear()  # another process
    assert llm_cache.recall("fact") == {"a": [1]}
    llm_cache.forget("fact")
    assert llm_cache.recall("fact") is None


def test_a_claim_is_given_to_one_caller():
    assert [llm_cache.claim("probe", 60) for _try in range(3)] == [True, False, False]
    llm_cache.forget("probe")
    assert llm_cache.claim("probe", 60)


def test_without_redis_vectors_are_absent_and_facts_are_this_processs_own(redis_away):
    keep()
    assert found() == {}
    llm_cache.remember("fact", 1, 60)
    assert llm_cache.recall("fact") == 1
    assert [llm_cache.claim("probe", 60) for _try in range(2)] == [True, False]


def test_redis_away_is_left_alone_for_a_moment_and_logged_once(redis_away, caplog):
    found()
    assert llm_cache._away_until > 0
    llm_cache._away_until = 0
    found()
    assert [record.getMessage() for record in caplog.records] == [
        "cache away (ConnectionError): going on without it"
    ]


def test_a_kept_vector_that_could_not_be_stored_counts_as_absent():
    keep(vector=np.array([1e30, 0, 0], np.float32))
    assert found() == {}
