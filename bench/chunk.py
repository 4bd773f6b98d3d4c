"""Measure chunking speed: pages per second with the tokenizers of the embedding models.

python bench/chunk.py [--pages 1000]
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ragsite.settings")

import django

django.setup()

from documents.extraction import extract_pages
from documents.ingestion.pieces import Tokenizer
from documents.ingestion.sentences import sentences
from documents.ingestion.splitter import split_pages
from documents.structure.document_text import PageText, join_pages, page_starts
from ragsite import llm

SAMPLES = PROJECT / "tests" / "files"
MODELS = (("all-MiniLM-L6-v2", 200, 40), ("text-embedding-3-small", 500, 50))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pages", type=int, default=1000)
    pages = long_document(arguments.parse_args().pages)
    text = join_pages(pages)
    started = time.process_time()
    count = len(sentences(text))
    print(
        f"{len(pages)} pages, {len(text):,} characters, {count:,} sentences in {time.process_time() - started:.2f} s"
    )
    for model, tokens, overlap in MODELS:
        measure(pages, llm.tokenizer_for(model), model, tokens, overlap)


def long_document(count: int) -> list[PageText]:
    """Repeat the pages of a sample, each with a number so that all pages differ."""
    sample = extract_pages(SAMPLES / "outline-broken-targets.pdf", media_type="application/pdf").pages[1:]
    texts = [f"Part {n}.\n\n{sample[n % len(sample)].text}" for n in range(count)]
    starts = page_starts(texts)
    return [PageText(n + 1, text, start) for n, (text, start) in enumerate(zip(texts, starts, strict=True))]


def measure(pages: Sequence[PageText], tokenizer: Tokenizer, model: str, tokens: int, overlap: int) -> None:
    tokenizer.count("Load the vocabulary before the clock starts.")
    started = time.process_time()
    chunks = split_pages(pages, tokenizer, tokens=tokens, overlap=overlap)
    seconds = time.process_time() - started
    largest, total = max(p.tokens for p in chunks), sum(p.tokens for p in chunks)
    print(
        f"{model}: {len(chunks)} chunks, {total // len(chunks)} tokens on average and {largest} at most, "
        f"in {seconds:.2f} s: {len(pages) / seconds:.0f} pages/s"
    )


if __name__ == "__main__":
    main()
