"""What can be quoted of the sources: sentences, list items, rows of tables, lines of keys and values; never a heading."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from documents.structure.kinds import Block, ItemList, Table
from documents.structure.surroundings import Surroundings
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.stop_words import content_words

MAX_LENGTH = 600  # characters of one quote
ENDS_SENTENCE = re.compile(r"[.!?…。！？؟۔।;:][\"'”’»)\]」』\]\d]*$")


class Kind(StrEnum):
    SENTENCE = "sentence"
    ITEM = "item"
    ROW = "row"
    LINE = "line"
    CODE = "code"


@dataclass(eq=False)
class Unit:
    """Words that may be quoted, with the words around them that say what they are about.

    `start` and `end` are offsets in the document's text; `headings` has the nearest first; `lead` is what introduces
    them: the sentence before, the sentence that announces the list, the caption of the table.
    """

    source: RetrievedChunk
    kind: Kind
    start: int
    end: int
    text: str  # without markup
    headings: tuple[str, ...] = ()
    lead: str = ""
    block: Block | None = None
    place: int = 0  # in the block
    before: Unit | None = None  # the sentence before it under the same heading
    after: Unit | None = None
    announced: Unit | None = None  # the first unit of the list, table or code that it introduces
    around: Surroundings | None = None
    is_inside: bool = True  # whether it lies in its source or only near it
    is_fragment: bool = False
    is_preferred: bool = False  # of a document that the question before was about
    words: frozenset[str] = field(init=False)
    near: dict[str, float] = field(default_factory=dict)  # words of the question that its own words mean
    similarity: float = 0.0
    coverage: float = 0.0
    logit: float | None = None  # of the cross-encoder
    score: float = 0.0

    def __post_init__(self) -> None:
        self.words = frozenset(content_words(self.text))

    @property
    def table(self) -> Table | None:
        return self.block if isinstance(self.block, Table) else None

    @property
    def items(self) -> ItemList | None:
        return self.block if isinstance(self.block, ItemList) else None

    @property
    def fragment(self) -> float:
        """How much it looks like a title or another line that states nothing, from 0 to 1."""
        if self.kind != Kind.SENTENCE or ENDS_SENTENCE.search(self.text):
            return 0.0
        return 1.0 if self.is_fragment else 0.5

    @property
    def cells(self) -> list[str]:
        """The cells of a row; none of other units."""
        return [cell.text for cell in self.table.rows[self.place].cells] if self.table else []

    @property
    def with_context(self) -> str:
        """The words to compare with the question: the nearest heading or what introduces it, and its own."""
        context = self.lead or (self.headings[0] if self.headings else "")
        return f"{context.rstrip(':.')}: {self.text}" if context else self.text
