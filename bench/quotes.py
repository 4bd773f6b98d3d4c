"""Measure quotes on a question set with marked answers (a file in the format of SQuAD), without a language model.

python bench/quotes.py FILE [--every 5]

Each article becomes one document. A question counts if its passage is among the sources: then its quotes hold the marked
answer, or it is refused, or the quotes are wrong. Each question is asked once more without the sources that overlap its
passage: then it should be refused. Runs in a transaction that is rolled back.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ragsite.settings")
os.environ.setdefault("LOG_LEVEL", "ERROR")

import django

django.setup()

from django.core.files.base import ContentFile
from django.db import transaction

from documents.models import Collection, Document, Index
from qa.answering import quoting
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.frequencies import count_words, words_of
from qa.retrieval.retriever import embed_question, find_sources, readable_documents
from ragsite.accounts.models import User


class Measured(Exception):
    """Rolls the transaction back."""


class Marked(NamedTuple):
    """A question with its answers, and where its passage stands in which document."""

    text: str
    answers: list[str]
    document: int
    start: int
    end: int


def marked_questions(file: Path, collection: Collection, user: User) -> Iterator[Marked]:
    """Index the articles and yield their questions."""
    for article in json.loads(file.read_text())["data"]:
        passages = article["paragraphs"]
        text = "\n\n".join(passage["context"] for passage in passages)
        name = f"{article.get('title') or 'article'}.txt"
        content = ContentFile(text.encode(), name=name)
        document, _created = Document.objects.add_file(collection, content, user=user)
        document.index()
        document.refresh_from_db()
        assert document.serving
        stored = document.serving.text
        for passage in passages:
            start = stored.find(passage["context"][:60])
            for row in passage["qas"]:
                answers = [answer["text"] for answer in row["answers"]]
                yield Marked(row["question"], answers, document.pk, start, start + len(passage["context"]))


def measure(file: Path, every: int) -> None:
    user = User.objects.create_user("bench-quotes")
    collection = Collection.objects.private_to(user)
    questions = list(marked_questions(file, collection, user))[::every]
    counts: Counter[str] = Counter()
    times, lengths = [], []
    for question in questions:
        vector = embed_question(question.text, Index.objects.live())
        sources = find_sources(question.text, user=user, vector=vector)
        around = [source for source in sources if _overlaps(source, question)]
        if not around:
            counts["passage not found"] += 1
            continue
        started = time.perf_counter()
        extract = _ask(question, sources, user, vector)
        times.append(time.perf_counter() - started)
        quotes = [quote.text for quote in extract.quotes]
        counts[_verdict(question, quotes)] += 1
        lengths += [len(" ".join(quotes).split())] if quotes else []
        counts["a second quote"] += len(quotes) > 1
        left = [source for source in sources if source not in around]
        counts["refused without the passage"] += not _ask(question, left, user, vector).is_found
    _print(counts, times, lengths)
    raise Measured


def _overlaps(source: RetrievedChunk, question: Marked) -> bool:
    is_same = source.document_id == question.document
    return is_same and source.start < question.end and source.end > question.start


def _ask(
    question: Marked, sources: Sequence[RetrievedChunk], user: User, vector: quoting.Vector
) -> quoting.Extract:
    index = Index.objects.live()
    frequencies = count_words(words_of(question.text), readable_documents(user), index)
    numbered = [replace(source, number=number) for number, source in enumerate(sources, start=1)]
    return quoting.extract(question.text, numbered, vector, index, frequencies)


def _verdict(question: Marked, quotes: Sequence[str]) -> str:
    if not quotes:
        return "refused"
    words = " ".join(quotes)
    return "held" if any(answer in words for answer in question.answers) else "wrong"


def _print(counts: Counter[str], times: Sequence[float], lengths: Sequence[int]) -> None:
    shown = counts["held"] + counts["refused"] + counts["wrong"]
    print(f"{shown + counts['passage not found']} questions; the passage was shown in {shown}")
    for name in ("held", "refused", "wrong", "a second quote", "refused without the passage"):
        print(f"  {name:28} {counts[name]:5}  {100 * counts[name] / max(shown, 1):5.1f} %")
    print(f"  {statistics.median(times) * 1000:.0f} ms and {statistics.median(lengths):.0f} words, medians")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--every", type=int, default=5, help="ask each fifth question")
    arguments = parser.parse_args()
    try:
        with transaction.atomic():
            measure(arguments.file, arguments.every)
    except Measured:
        pass
