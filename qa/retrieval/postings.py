"""Reads the postings of words: from the segments that hold searched documents, and of these documents only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from documents.models import Document, Index
from documents.models.posting import ENTRY, POSITION_BITS

NEVER = 2**31 - 1


@dataclass(frozen=True)
class Words:
    """The lexemes to look for, as SQL that gives each with the number of its occurrences."""

    sql: str
    params: Sequence[Any]

    @classmethod
    def of(cls, question: str, index: Index) -> Words:
        return cls(LEXEMES_OF_TEXT, [index.search_config, question])

    @classmethod
    def listed(cls, lexemes: Sequence[str]) -> Words:
        return cls("select lexeme, 1 from unnest(%s::text[]) lexeme", [list(lexemes)])


@dataclass(frozen=True)
class Posted:
    """The chunks that contain one lexeme, an array of ENTRY, and how often it was asked for."""

    times: int
    entries: np.ndarray


@dataclass(frozen=True)
class Postings:
    """How many chunks are searched, and the postings of each lexeme that occurs in them.

    `unread` lists lexemes that were left out because more than half of the searched chunks contain them.
    """

    chunks: int = 0
    posted: dict[str, Posted] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()


def compile_scope(scope: QuerySet[Document]) -> tuple[str, Sequence[Any]]:
    """Return the SQL of the served versions of a scope, with its parameters."""
    sql, params = scope.order_by().values_list("serving_id").query.sql_with_params()
    return sql, params


def read_postings(
    words: Words, scope: QuerySet[Document], index: Index, *, skip_frequent_from: int = NEVER
) -> Postings:
    """Return the postings of the words in the scope.

    In a scope of at least `skip_frequent_from` chunks, those of a lexeme that more than half of them contain are not read,
    unless every lexeme is so frequent. How many contain it at least follows from the lengths of its lists.
    """
    try:
        scope_sql, scope_params = compile_scope(scope)
    except EmptyResultSet:  # the user may read nothing at all
        return Postings()
    sql = STATEMENT.format(scope=scope_sql, words=words.sql, index=int(index.pk), size=ENTRY.itemsize)
    with connection.cursor() as cursor:
        cursor.execute(sql, [*scope_params, *words.params, skip_frequent_from])
        return _unpack(cursor.fetchall())


def _unpack(rows: list[tuple[str | None, int, bytes | None]]) -> Postings:
    """The row without a lexeme tells of the scope: its number of chunks, and its versions' numbers unless that is all."""
    ((_none, chunks, packed),) = (row for row in rows if row[0] is None)
    versions = None if packed is None else np.frombuffer(packed, PACKED, offset=PACKED_HEADER)["id"]
    times: dict[str, int] = {}
    pieces: dict[str, list[bytes]] = {}
    unread = set()
    for lexeme, count, entries in rows:
        if lexeme is not None and entries is None:
            unread.add(lexeme)
        elif lexeme is not None and entries is not None:
            times[lexeme] = count
            pieces.setdefault(lexeme, []).append(entries)
    posted = {lexeme: Posted(times[lexeme], _within(found, versions)) for lexeme, found in pieces.items()}
    found = {lexeme: each for lexeme, each in posted.items() if len(each.entries)}
    return Postings(int(chunks), found, frozenset(unread))


def _within(pieces: Sequence[bytes], versions: np.ndarray | None) -> np.ndarray:
    entries = np.frombuffer(b"".join(pieces), ENTRY)
    return entries if versions is None else entries[np.isin(entries["key"] >> POSITION_BITS, versions)]


# An int4[] in PostgreSQL's binary format: a header, then the length and the value of each element.
PACKED = np.dtype([("length", ">i4"), ("id", ">i4")])
PACKED_HEADER = 20
LEXEMES_OF_TEXT = """
select lexeme, coalesce(cardinality(positions), 1) from unnest(to_tsvector(%s::regconfig, normalize(%s, NFKC)))
"""
STATEMENT = """
with versions as materialized (
    select id, segment_id, chunks from documents_indexedversion
    where index_id = {index} and version_id in ({scope})
),
segments as materialized (
    select id, chunks from documents_segment where id in (select segment_id from versions)
),
sizes as materialized (
    select (select coalesce(sum(chunks), 0) from versions) as searched, (select sum(chunks) from segments) as read
),
asked (lexeme, times) as materialized ({words}),
lists as materialized (
    select asked.lexeme, asked.times, posting.entries, octet_length(posting.entries) / {size} as length
    from segments cross join asked cross join lateral (
        select entries from documents_posting
        where segment_id = segments.id and lexeme = asked.lexeme collate "C" offset 0
    ) posting
),
frequencies as materialized (
    select lexeme, sum(length) - (read - searched) > searched / 2 as is_frequent
    from lists, sizes group by lexeme, searched, read
)
select null as lexeme, searched, case when searched < read then (select array_send(array_agg(id)) from versions) end
from sizes
union all
select lexeme, times, case when is_read then entries end
from lists join (
    select lexeme, not (
        searched >= %s and is_frequent and exists (select from frequencies where not is_frequent)
    ) as is_read
    from frequencies, sizes
) frequencies using (lexeme)
"""
