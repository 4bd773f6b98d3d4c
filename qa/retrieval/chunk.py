"""A retrieved chunk: a stretch of a document's text, with its scores and ranks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class RetrievedChunk:
    """A chunk of a document, or several joined, and why it was chosen. `text` runs from `start` to `end` in the document's text."""

    document_id: int
    version_id: int
    document_title: str
    page_start: int
    page_end: int
    page_label: str
    heading_path: list[str]
    text: str
    start: int
    end: int
    tokens: int
    score: float
    dense_score: float | None = None
    dense_rank: int | None = None
    keyword_score: float | None = None
    keyword_rank: int | None = None
    chunk_ids: list[int] = field(default_factory=list)
    number: int = 0
    collection_id: int | None = None
    table_header: str = ""  # of the table between whose rows it starts

    def as_trace(self) -> dict[str, Any]:
        """Return every field but the text and its table's header, for the question's trace."""
        return {name: value for name, value in asdict(self).items() if name not in ("text", "table_header")}
