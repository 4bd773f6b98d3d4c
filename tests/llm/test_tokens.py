import gzip
import subprocess
import sys

import pytest
import tiktoken

from ragsite.llm import tokens
from ragsite.llm.backends import local

ODD_TEXTS = [
    "",
    "\ud800 lone",
    "\x00",
    "<|endoftext|>",
    "\U0010ffff",
    "e\u0301" * 50,
    " " * 9000,
    "\n" * 9000,
]


@pytest.fixture(autouse=True)
def _forget_the_tokenizer():
    yield
    tokens.tiktoken_tokenizer.cache_clear()


@pytest.fixture
def official(monkeypatch, tmp_path):
    """tiktoken's own cl100k_base, which finds the vocabulary where it would have put it itself."""
    vocabulary = tmp_path / "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
    vocabulary.write_bytes(gzip.decompress(tokens.VOCABULARY.read_bytes()))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    return tiktoken.get_encoding("cl100k_base")


@pytest.mark.parametrize(
    "text",
    [
        "tiktoken is great!",
        "It's 1234567 o'clock, SHE'LL say  two  spaces\r\n\r\n\ttab ",
        "Ærø 港口办公室 🚢❄️ привет",
        "def f(x):\n        return x[1:]  # 3.14e-2\n",
        "<|endoftext|> <|fim_prefix|>",
    ],
)
def test_tokens_are_counted_as_tiktoken_counts_them(official, text):
    assert tokens.tiktoken_tokenizer().count(text) == len(official.encode_ordinary(text))


def test_a_long_text_is_counted_exactly_although_it_is_cut(official):
    text = (
        "The harbour's office opens at 7,\nand closes at 18:30 - except on Sundays…  Fees: 1234 €.\n\n" * 300
    )
    assert tokens.tiktoken_tokenizer().count(text) == len(official.encode_ordinary(text))


@pytest.mark.parametrize("character", ["a", " ", "\n", ".", "中", "7", "\u0301"])
def test_a_megabyte_of_one_character_is_counted_within_seconds(character):
    tokenizer = tokens.tiktoken_tokenizer()
    tokenizer.count("warm")
    assert tokenizer.count(character * 1_000_000) > 1000


@pytest.mark.parametrize("text", ODD_TEXTS, ids=ascii)
def test_odd_texts_are_counted(text):
    assert tokens.tiktoken_tokenizer().count(text) >= 0


def test_no_connection_is_opened_and_no_file_is_written(tmp_path):
    code = """
import os, sys
def watch(event, arguments):
    if event.startswith("socket.") or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
        print(event, arguments); os._exit(1)
sys.dont_write_bytecode = True
from ragsite.llm import tokens
sys.addaudithook(watch)
os._exit(tokens.tiktoken_tokenizer().count("Where do ships wait?") != 5)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_damaged_vocabulary_is_an_error_and_no_wrong_count(monkeypatch, tmp_path):
    path = tmp_path / "vocabulary.gz"
    path.write_bytes(gzip.compress(b"IQ== 0\n"))
    monkeypatch.setattr(tokens, "VOCABULARY", path)
    tokens.tiktoken_tokenizer.cache_clear()
    with pytest.raises(ValueError, match="is damaged"):
        tokens.tiktoken_tokenizer()


def test_each_model_is_counted_by_its_own_tokenizer():
    assert tokens.tokenizer_for(local.MODEL) is local.tokenizer
    assert isinstance(tokens.tokenizer_for("text-embedding-3-small"), tokens.TiktokenTokenizer)
    assert isinstance(tokens.tokenizer_for("llama3.2:3b"), tokens.TiktokenTokenizer)
