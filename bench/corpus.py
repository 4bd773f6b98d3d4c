"""Generates a seeded corpus of any size: Zipf-distributed words, topics, and vectors in clusters; loads it by COPY.

The words are made of syllables, so that no text needs to be carried or downloaded. A document has a topic, whose words and
vectors its chunks share; every chunk adds words of its own, as names and numbers do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from pgvector import HalfVector

from documents.ingestion import store
from documents.ingestion.splitter import ChunkText
from documents.models import Collection, Document, Index, Version
from documents.models.states import State
from qa.retrieval.stop_words import STOP_WORDS
from ragsite.accounts.models import User

SEED = 20_261_130
VOCABULARY = 200_000
TOPICS = 300
TOPIC_WORDS = 1_500
WORDS = 125  # in a chunk; with these syllables about 200 word pieces
TOKENS = 160, 230  # of a chunk: fewest and most
SHARES = {"10 %": 0.1, "1 %": 0.01, "0.1 %": 0.001}  # collections with these shares of the chunks
REST = "rest"


@dataclass(frozen=True)
class Made:
    """A generated document: texts of its chunks, and their unit vectors, one a row."""

    chunks: list[ChunkText]
    vectors: np.ndarray


class Generator:
    """Makes documents one after another; the same seed and dimensions make the same documents."""

    def __init__(self, dimensions: int, seed: int = SEED) -> None:
        self.random = np.random.default_rng(seed)
        self.dimensions = dimensions
        self.vocabulary = np.array([*sorted(STOP_WORDS), *self._make_words()], dtype=object)
        ranks = np.arange(1, len(self.vocabulary) + 1)
        weights = 1 / (ranks + 2.7) ** 1.05  # Zipf-Mandelbrot
        self.cumulated = np.cumsum(weights / weights.sum())
        first = len(STOP_WORDS)
        self.topics = self.random.integers(first, len(self.vocabulary), (TOPICS, TOPIC_WORDS))
        topic_weights = 1 / (np.arange(1, TOPIC_WORDS + 1) + 2.7)
        self.topic_cumulated = np.cumsum(topic_weights / topic_weights.sum())
        self.centres = self._normal(TOPICS)

    def documents(self, chunks: int) -> Iterator[Made]:
        """Documents of 1 to 400 chunks, half of them under 25, until there are that many chunks."""
        while chunks > 0:
            size = min(chunks, int(np.clip(self.random.lognormal(np.log(25), 1), 1, 400)))
            yield self._make(size)
            chunks -= size

    def _make(self, size: int) -> Made:
        topic = int(self.random.integers(TOPICS))
        general = np.searchsorted(self.cumulated, self.random.random((size, WORDS)))
        own = self.topics[topic][np.searchsorted(self.topic_cumulated, self.random.random((size, WORDS)))]
        words = self.vocabulary[np.where(self.random.random((size, WORDS)) < 0.25, own, general)]
        centre = self.centres[topic] + 0.6 * self._normal(1)
        tokens = self.random.integers(*TOKENS, size)
        chunks = [_chunk(place * 2_000, row, int(tokens[place])) for place, row in enumerate(words)]
        return Made(chunks, _unit(centre + 0.7 * self._normal(size)))

    def _normal(self, count: int) -> np.ndarray:
        return _unit(self.random.standard_normal((count, self.dimensions)).astype(np.float32))

    def _make_words(self) -> list[str]:
        consonants, vowels = list("bcdfghklmnprstvz"), list("aeiou")
        syllables = [one + two for one in consonants for two in vowels]
        endings, count = ["", "n", "r", "t"], 2 * VOCABULARY  # some are drawn twice
        lengths, ends = self.random.integers(2, 5, count), self.random.integers(0, 4, count)
        picks = self.random.integers(0, len(syllables), (count, 4)).tolist()
        drawn = (
            "".join(syllables[pick] for pick in row[:length]) + endings[end]
            for row, length, end in zip(picks, lengths, ends, strict=True)
        )
        return list(dict.fromkeys(drawn))[:VOCABULARY]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def vector_near(vector: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The vector of a question about a chunk: near the chunk's, not equal."""
    noise = random.standard_normal(len(vector)) / np.sqrt(len(vector))
    return _unit(vector + 0.7 * noise).astype(np.float32)


def _chunk(start: int, words: np.ndarray, tokens: int) -> ChunkText:
    text = ". ".join(" ".join(words[place : place + 18]) for place in range(0, len(words), 18)) + "."
    return ChunkText(text, start, start + len(text), page_start=1, page_end=1, heading_path=[], tokens=tokens)


def load(chunks: int, user: User, index: Index) -> Generator:
    """Fill the database: documents in four collections that the user may read, chunks with vectors, and postings."""
    generator, choose = Generator(index.dimensions), np.random.default_rng(SEED)
    collections = {
        name: Collection.objects.create(name=name, everyone_reads=True) for name in (*SHARES, REST)
    }
    wanted = {name: int(chunks * share) for name, share in SHARES.items()}
    for number, made in enumerate(generator.documents(chunks)):
        size = len(made.chunks)
        # Each collection is spread over the whole load, and filled to the chunk.
        fits = [
            name for name in wanted if size <= wanted[name] and choose.random() < max(3 * SHARES[name], 0.02)
        ]
        name = fits[0] if fits else REST
        wanted[name] = wanted.get(name, 0) - size
        with transaction.atomic():
            _store(number, made, collections[name], user, index)
    return generator


def _store(number: int, made: Made, collection: Collection, user: User, index: Index) -> None:
    sha256 = hashlib.sha256(f"{SEED} {number}".encode()).hexdigest()
    document = Document(
        collection=collection, title=f"Document {number}", sha256=sha256, uploaded_by=user, state=State.READY
    )
    Document.objects.bulk_create([document])  # sends no signal: nothing is to be indexed
    version = Version(
        document=document,
        file=f"bench/{number}",
        file_name=f"{number}.txt",
        size=1,
        media_type="text/plain",
        sha256=sha256,
    )
    Version.objects.bulk_create([version])
    store.replace_chunks(version, index, made.chunks, made.vectors)
    mean = HalfVector(made.vectors.mean(axis=0))
    Document.objects.filter(pk=document.pk).update(
        serving=version, chunk_count=len(made.chunks), embedding=mean
    )
