"""Count tokens offline."""

import base64
import gzip
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol

import tiktoken

from ragsite.llm.backends import local

VOCABULARY = Path(__file__).parent / "data" / "cl100k_base.tiktoken.gz"
VOCABULARY_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
# From tiktoken_ext.openai_public, which would download the vocabulary to return it.
PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_CHARACTERS_AT_ONCE = 4000


class Tokenizer(Protocol):
    """Counts the tokens of any text, offline."""

    def count(self, text: str) -> int: ...


class TiktokenTokenizer:
    """Tokens of OpenAI's cl100k_base. Special tokens in a text count as ordinary text."""

    def __init__(self, encoding: tiktoken.Encoding) -> None:
        self._encoding = encoding

    def count(self, text: str) -> int:
        """Exact, except for runs of thousands of characters without a space: one more per cut."""
        if len(text) <= _CHARACTERS_AT_ONCE:
            return len(self._encoding.encode_ordinary(text))
        return sum(len(self._encoding.encode_ordinary(part)) for part in _cut(text))


def tokenizer_for(model: str) -> Tokenizer:
    """Word pieces for the local model, cl100k_base for all others, whose counts may differ slightly."""
    return local.tokenizer if model == local.MODEL else tiktoken_tokenizer()


@cache
def tiktoken_tokenizer() -> Tokenizer:
    """cl100k_base from the bundled vocabulary."""
    return TiktokenTokenizer(_load_encoding(VOCABULARY))


def _load_encoding(vocabulary: Path) -> tiktoken.Encoding:
    # tiktoken.get_encoding() needs a cache folder, or the network.
    content = gzip.decompress(vocabulary.read_bytes())
    if hashlib.sha256(content).hexdigest() != VOCABULARY_SHA256:
        raise ValueError(f"{vocabulary} is damaged: its SHA-256 is wrong")
    lines = (line.split() for line in content.splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    return tiktoken.Encoding("cl100k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def _cut(text: str) -> Iterator[str]:
    """Split the text before spaces, which no token crosses: tiktoken is slow for very long runs."""
    start = 0
    while len(text) - start > _CHARACTERS_AT_ONCE:
        end = start + _CHARACTERS_AT_ONCE
        space = text.rfind(" ", start + 1, end)
        end = space if space > 0 else end
        yield text[start:end]
        start = end
    yield text[start:]
