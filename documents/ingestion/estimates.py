"""Estimates the tokens and the price of embedding before it starts."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from django.db.models import F, Sum
from django.db.models.functions import Length

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.models import Page
from ragsite import llm

OVERLAP = 1.1  # chunks repeat about a tenth of the text


class Estimate(NamedTuple):
    chunks: int
    tokens: int
    price: Decimal | None


def tokens_in(path: Path, model: str) -> int:
    """The tokens to embed for this file; 0 if it cannot be read."""
    try:
        with path.open("rb") as stream:
            media_type = sniff(stream, path.name)
        pages = extract_pages(path, media_type=media_type, name=path.name).pages
    except (UnreadableFile, OSError):
        return 0
    tokenizer = llm.tokenizer_for(model)
    return round(sum(tokenizer.count(page.text) for page in pages) * OVERLAP)


def estimate_reindexing(model: str) -> Estimate:
    """The cost of a new index of all documents, estimated from the length of the stored pages."""
    pages = Page.objects.filter(version__document__serving=F("version"))
    characters = pages.aggregate(sum=Sum(Length("text")))["sum"] or 0
    sample = "\n".join(pages.order_by("?").values_list("text", flat=True)[:20])
    per_character = llm.tokenizer_for(model).count(sample) / len(sample) if sample else 0.25
    tokens = round(characters * per_character * OVERLAP)
    chunks = max(tokens // max(1, llm.embedding_model(model).chunk_tokens), 1 if tokens else 0)
    return Estimate(chunks, tokens, llm.price(model, tokens, 0))
