"""Words of a question that no document contains, spelled as the word of the sources that was likely meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from documents.models import Index
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.frequencies import Frequencies
from qa.retrieval.stop_words import WORD
from ragsite import llm

MIN_LENGTH = 3
LONG = 4  # letters; another letter in the place of one is allowed from here on
LONGER = 8  # letters; two mistakes are allowed from here on
ASKING = ("what", "when", "where", "which", "who", "how", "does", "did", "are", "was", "were", "can", "the")
FIRST_WORDS = 3  # in which a misspelled question word is looked for


def corrected(
    question: str, sources: Sequence[RetrievedChunk], frequencies: Frequencies, index: Index
) -> str:
    """Return the question with its misspelled words as in the sources; the same question if there are none.

    A word that the tokenizer of the index's model knows whole is none, even if no document has it: "thrown".
    """
    vocabulary: Counter[str] | None = None
    tokenizer = llm.tokenizer_for(index.embedding_model)
    result, at = "", 0
    for place, match in enumerate(WORD.finditer(question)):
        word = match[0].lower()
        right = _question_word(word) if place < FIRST_WORDS else ""
        if not right and len(word) >= MIN_LENGTH and word.isalpha() and _is_unknown(word, frequencies):
            vocabulary = _vocabulary(sources) if vocabulary is None else vocabulary
            right = "" if tokenizer.count(f" {word}") == 1 else _nearest(word, vocabulary)
        result += question[at : match.start()] + (right or match[0])
        at = match.end()
    return result + question[at:]


def _is_unknown(word: str, frequencies: Frequencies) -> bool:
    return word not in frequencies.stop_words and frequencies.is_unknown(word)


def _question_word(word: str) -> str:
    """Return the question word of which these are the letters in another order, or all but one: "dose", "wen"."""
    if word in ASKING:
        return ""
    swapped = next((asking for asking in ASKING if sorted(asking) == sorted(word)), "")
    return swapped or next((asking for asking in ASKING[:5] if _lacks_one(word, asking)), "")


def _lacks_one(word: str, whole: str) -> bool:
    return len(word) + 1 == len(whole) and any(
        whole[:at] + whole[at + 1 :] == word for at in range(len(whole))
    )


def _vocabulary(sources: Iterable[RetrievedChunk]) -> Counter[str]:
    texts = (f"{source.document_title} {source.text}" for source in sources)
    return Counter(word for text in texts for word in re.findall(r"[^\W\d_]{3,}", text.lower()))


def _nearest(word: str, vocabulary: Counter[str]) -> str:
    """Return the word with the same first letter and the fewest mistakes between them, the most frequent first."""
    allowed = 2 if len(word) >= LONGER else 1
    near = [
        (mistakes, -count, other)
        for other, count in vocabulary.items()
        if other[0] == word[0]
        and abs(len(other) - len(word)) <= allowed
        and (mistakes := distance(word, other)) <= allowed
        and (len(word) >= LONG or len(other) != len(word) or sorted(other) == sorted(word))
    ]
    return min(near)[2] if near else ""


def distance(one: str, other: str) -> int:
    """Return how many letters are to be added, removed, replaced or swapped with the next to get the other word."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        current = [i]
        for j, wanted in enumerate(other, start=1):
            best = min(row[j] + 1, current[j - 1] + 1, row[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, before[j - 2] + 1)
            current.append(best)
        before, row = row, current
    return row[-1]
