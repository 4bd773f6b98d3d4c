"""The row of a table that a topic names, with the names of its columns."""

from __future__ import annotations

from documents.structure import kinds
from qa.answering.parts import Part, Table
from qa.answering.routes.reading import Reading, RoutedAnswer
from qa.retrieval.stop_words import content_words

MIN_SHARE = 0.6


def row_about(answer: RoutedAnswer, reading: Reading, topic: str) -> list[Part]:
    """Return the row that has most of the topic's words; none if it has few of them."""
    wanted = set(content_words(topic))
    rows = [
        (len(wanted & set(content_words(table.labelled(row)))) / max(len(wanted), 1), table, row)
        for table in reading.outline.blocks
        if isinstance(table, kinds.Table)
        for row in table.rows
    ]
    share, table, row = max(rows, key=lambda each: each[0], default=(0.0, None, None))
    if share < MIN_SHARE or table is None or row is None:
        return []
    number = answer.cite(reading, row.start, row.end)
    names, cells = zip(*table.pairs(row), strict=True)
    return [Table(number, names, (cells,), table.caption)]
