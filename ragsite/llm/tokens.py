"""Counting tokens as the model will, without a network."""

import base64
import gzip
import hashlib
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol

import tiktoken

from ragsite.llm.backends import local

VOCABULARY = Path(__file__).parent / "data" / "cl100k_base.tiktoken.gz"
VOCABULARY_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
# As in tiktoken_ext.openai_public, which cannot be asked for it without fetching the vocabulary.
PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
BYTES_PER_TOKEN = 4  # of English, about; only for the estimate
_CHARACTERS_AT_ONCE = 4000

logger = logging.getLogger(__name__)


class Tokenizer(Protocol):
    """Counts a text's tokens; any text, offline."""

    def count(self, text: str) -> int: ...


class TiktokenTokenizer:
    """Tokens of OpenAI's cl100k_base, for any text: what looks like a special token is counted as text."""

    def __init__(self, encoding: tiktoken.Encoding) -> None:
        self._encoding = encoding

    def count(self, text: str) -> int:
        """Exact, but for runs of thousands of characters without a space: there one more at each cut."""
        return sum(len(self._encoding.encode_ordinary(part)) for part in _cut(text))


class EstimatingTokenizer:
    """About as many tokens as English text of that size has."""

    def count(self, text: str) -> int:
        """One token for every four bytes of UTF-8, rounded up."""
        return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def tokenizer_for(model: str) -> Tokenizer:
    """Word pieces for the local model, cl100k_base for every other: other providers' counts differ a little."""
    return local.tokenizer if model == local.MODEL else tiktoken_tokenizer()


@cache
def tiktoken_tokenizer() -> Tokenizer:
    """cl100k_base from the vocabulary in this folder; an estimate, and a warning in the log, without it."""
    try:
        return TiktokenTokenizer(_load_encoding(VOCABULARY))
    except (OSError, EOFError, ValueError) as error:
        logger.warning("Tokens are estimated, for the vocabulary %s cannot be used: %s", VOCABULARY, error)
        return EstimatingTokenizer()


def _load_encoding(vocabulary: Path) -> tiktoken.Encoding:
    # tiktoken.get_encoding() would want a folder to unpack to, and the network where it finds none.
    content = gzip.decompress(vocabulary.read_bytes())
    if hashlib.sha256(content).hexdigest() != VOCABULARY_SHA256:
        raise ValueError("its SHA-256 is wrong")
    lines = (line.split() for line in content.splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    return tiktoken.Encoding("cl100k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def _cut(text: str) -> Iterator[str]:
    """The text in parts, cut before spaces, where no token crosses. Very long runs cost tiktoken much time."""
    start = 0
    while len(text) - start > _CHARACTERS_AT_ONCE:
        end = start + _CHARACTERS_AT_ONCE
        space = text.rfind(" ", start + 1, end)
        end = space if space > 0 else end
        yield text[start:end]
        start = end
    yield text[start:]
