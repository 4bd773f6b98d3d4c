"""How many tokens work will send, before it is paid for."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from django.db.models import F, Sum
from django.db.models.functions import Length

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.models import Page
from ragsite import llm

OVERLAP = 1.1  # chunks repeat a tenth of their text


class Estimate(NamedTuple):
    chunks: int
    tokens: int
    price: Decimal | None


def tokens_in(path: Path, model: str) -> int:
    """What embedding this file would send; 0 for one that cannot be read."""
    try:
        with path.open("rb") as stream:
            media_type = sniff(stream, path.name)
        pages = extract_pages(path, media_type=media_type, name=path.name).pages
    except (UnreadableFile, OSError):
        return 0
    tokenizer = llm.tokenizer_for(model)
    return round(sum(tokenizer.count(page.text) for page in pages) * OVERLAP)


def of_reindexing(model: str) -> Estimate:
    """What building a new index of everything with that model would send, judged by the characters of the stored pages."""
    served = Page.objects.filter(version__document__serving=F("version"))
    characters = served.aggregate(sum=Sum(Length("text")))["sum"] or 0
    sample = "\n".join(served.order_by("?").values_list("text", flat=True)[:20])
    per_character = llm.tokenizer_for(model).count(sample) / len(sample) if sample else 0.25
    tokens = round(characters * per_character * OVERLAP)
    chunks = max(tokens // max(1, llm.embedding_model(model).chunk_tokens), 1 if tokens else 0)
    return Estimate(chunks, tokens, llm.price(model, tokens, 0))
