"""Measure retrieval on a labelled question set, with the site's splitter, embedding model and search.

python bench/retrieval.py FOLDER OUT

FOLDER contains docs.jsonl.gz and queries.jsonl.gz; chunks.jsonl and results.jsonl are written to OUT for the set's
scorer. Runs in a transaction that is rolled back: the site's documents are neither changed nor searched.
"""

import gzip
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ragsite.settings")

import django

django.setup()

from django.core.files.base import ContentFile
from django.db import transaction

from documents.models import Chunk, Collection, Document
from qa.retrieval.retriever import rank_chunks
from ragsite.accounts.models import User


class Measured(Exception):
    """Rolls the transaction back."""


def read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def measure(folder: Path, out: Path) -> None:
    user = User.objects.create_user("bench-retrieval")
    collection = Collection.objects.private_to(user)
    names = {}
    started = time.monotonic()
    for row in read(folder / "docs.jsonl.gz"):
        content = ContentFile(row["text"].encode(), name=f"{row['doc_id']}.txt")
        document, _created = Document.objects.add_file(collection, content, user=user)
        document.index()
        names[document.pk] = row["doc_id"]
    chunks = list(Chunk.objects.searchable().filter(document__in=names))
    print(f"{len(names)} documents, {len(chunks)} chunks in {time.monotonic() - started:.1f} s")
    with (out / "chunks.jsonl").open("w") as lines:
        for chunk in chunks:
            place = {"doc_id": names[chunk.document_id], "start": chunk.start, "end": chunk.end}
            lines.write(json.dumps({**place, "chunk_id": str(chunk.pk), "text": chunk.text}) + "\n")
    questions, started = read(folder / "queries.jsonl.gz"), time.monotonic()
    with (out / "results.jsonl").open("w") as lines:
        for question in questions:
            ranked = [str(source.chunk_ids[0]) for source in rank_chunks(question["text"], user=user)]
            lines.write(json.dumps({"query_id": question["query_id"], "ranked": ranked}) + "\n")
    print(f"{len(questions)} questions, {(time.monotonic() - started) / len(questions) * 1000:.0f} ms each")
    raise Measured


if __name__ == "__main__":
    try:
        with transaction.atomic():
            measure(Path(sys.argv[1]), Path(sys.argv[2]))
    except Measured:
        pass
