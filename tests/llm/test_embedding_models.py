"""Embedding models found by name: input limits, chunk sizes, prefixes."""

import pytest

from ragsite import llm
from ragsite.llm.embeddings.models import embedding_model

REPRESENT = "Represent this sentence for searching relevant passages: "


@pytest.mark.parametrize(
    ("name", "window", "query", "passage"),
    [
        ("nomic-embed-text", 2048, "search_query: ", "search_document: "),
        ("nomic-embed-text:latest", 2048, "search_query: ", "search_document: "),
        ("text-embedding-nomic-embed-text-v1.5", 2048, "search_query: ", "search_document: "),
        ("nomic-ai/nomic-embed-text-v2-moe", 512, "search_query: ", "search_document: "),
        ("intfloat/multilingual-e5-large", 512, "query: ", "passage: "),
        ("e5-base-v2", 512, "query: ", "passage: "),
        ("jeffh/intfloat-multilingual-e5-large:f16", 512, "query: ", "passage: "),
        ("snowflake-arctic-embed:335m", 512, REPRESENT, ""),
        ("Snowflake/snowflake-arctic-embed-m-v1.5", 512, REPRESENT, ""),
        ("snowflake-arctic-embed2", 8192, "query: ", ""),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", 8192, "query: ", ""),
        ("mxbai-embed-large", 512, REPRESENT, ""),
        ("mixedbread-ai/deepset-mxbai-embed-de-large-v1", 512, "query: ", "passage: "),
        ("BAAI/bge-large-en-v1.5", 512, REPRESENT, ""),
        ("bge-m3:567m", 8192, "", ""),
        ("embeddinggemma", 2048, "task: search result | query: ", "title: none | text: "),
        ("all-minilm", 256, "", ""),
        ("models/gemini-embedding-001", 2048, "", ""),
        ("openai/text-embedding-3-small", 8191, "", ""),
        ("something-new", None, "", ""),
    ],
)
def test_a_known_model_brings_its_window_and_its_prefixes(name, window, query, passage):
    model = embedding_model(name)
    assert (model.max_tokens, model.query_prefix, model.passage_prefix) == (window, query, passage)


def test_an_instructed_model_wants_its_instruction_before_questions_alone():
    for name in ("qwen3-embedding:0.6b", "Qwen/Qwen3-Embedding-8B", "multilingual-e5-large-instruct"):
        model = embedding_model(name)
        assert model.query_prefix.startswith("Instruct: ")
        assert model.query_prefix.rstrip().endswith("\nQuery:")
        assert model.passage_prefix == ""


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("mxbai-embed-large", 250),
        ("e5-base", 250),
        ("all-minilm", 120),
        ("bge-m3", 500),
        ("something-new", 250),
    ],
)
def test_passages_are_at_most_half_of_what_the_model_reads(name, tokens):
    model = embedding_model(name)
    assert model.chunk_tokens == tokens
    assert model.chunk_overlap == tokens // 10


def test_what_the_server_reads_may_be_set(settings):
    settings.EMBEDDING_MAX_TOKENS = 128
    assert embedding_model("something-new").chunk_tokens == 60
    assert embedding_model("bge-m3").max_tokens == 128
    settings.EMBEDDING_MODEL = "something-new"
    assert embedding_model("bge-m3").max_tokens == 8192  # said of the other


def test_prefixes_may_be_set_and_taken_away(settings):
    settings.EMBEDDING_QUERY_PREFIX, settings.EMBEDDING_PASSAGE_PREFIX = "frage: ", ""
    model = embedding_model("multilingual-e5-large")
    assert (model.query_prefix, model.passage_prefix) == ("frage: ", "")


def test_the_local_model_ignores_these_settings(settings):
    before = embedding_model("all-MiniLM-L6-v2")
    settings.EMBEDDING_MAX_TOKENS, settings.EMBEDDING_QUERY_PREFIX = 32, "query: "
    assert embedding_model("all-MiniLM-L6-v2") == before
    assert (before.chunk_tokens, before.chunk_overlap, before.query_prefix) == (200, 30, "")


@pytest.mark.parametrize(
    ("value", "prefix"),
    [
        ("query: ", "query: "),
        ("none", ""),
        ("", None),
        ("  ", None),
        ("Instruct: x\\nQuery:", "Instruct: x\nQuery:"),
    ],
)
def test_a_prefix_keeps_its_spaces_and_may_have_lines(monkeypatch, value, prefix):
    from ragsite.configuration.environment import env_raw

    monkeypatch.setenv("EMBEDDING_QUERY_PREFIX", value)
    assert env_raw("EMBEDDING_QUERY_PREFIX") == prefix


def test_a_question_and_a_passage_of_the_same_words_are_apart_in_the_cache(fake_openai):
    llm.embed_query("rain", model="m", prefix="query: ")
    llm.embed_documents(["rain"], model="m", prefix="passage: ")
    llm.embed_query("rain", model="m", prefix="query: ")
    assert fake_openai.embedded_texts == ["query: rain", "passage: rain"]
