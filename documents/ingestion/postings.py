"""Writes the postings of the keyword search: a segment for each version, which merges join into fewer and larger ones."""

from __future__ import annotations

import logging
import time
from functools import partial

from django.db import OperationalError, connection, transaction

from documents.models import Index, IndexedVersion, Segment, Version

logger = logging.getLogger("ragsite.postings")

# As soon as there are so many segments of one size class, they become one of the next class: each entry is written again
# once for each class. A search reads at most 15 segments of each.
MERGED_AT_ONCE = 16
MAX_MERGED = 50_000  # chunks; larger segments are left alone, for a merge of them takes long
PURGE_SECONDS = 20  # of the clock's rounds, once an hour
VACUUM_FROM = 4_096  # chunks of a merged segment: what it replaces is worth reusing at once


def insert_postings(version: Version, index: Index) -> None:
    """Make the version's chunks findable by their words. Call it in the transaction that copies the chunks.

    Once it is committed, merges the segments that are due for it.
    """
    chunks = index.chunks.filter(version=version).count()
    segment = Segment.objects.create(index=index, chunks=chunks)
    indexed = IndexedVersion.objects.create(index=index, version=version, segment=segment, chunks=chunks)
    with connection.cursor() as cursor:
        cursor.execute(INSERT_POSTINGS, [segment.pk, indexed.pk, index.search_config, version.pk, index.pk])
    transaction.on_commit(partial(merge_segments, index), robust=True)


def merge_segments(index: Index) -> None:
    """Merge as long as a size class has enough segments. Several processes may call it at once."""
    while due := _due(index):
        if not merge(due):
            return
        if Segment.objects.filter(index=index).latest("pk").chunks >= VACUUM_FROM:
            vacuum()


def purge_segments(seconds: float = PURGE_SECONDS) -> int:
    """Remove the entries of deleted versions, for about so many seconds; return from how many segments."""
    with connection.cursor() as cursor:
        cursor.execute(WITH_DELETED)
        segments = [pk for (pk,) in cursor.fetchall()]
    deadline, purged = time.monotonic() + seconds, 0
    while segments and time.monotonic() < deadline:
        purged += merge([segments.pop()], purge=True)
    if purged:
        vacuum()
    return purged


def vacuum() -> None:
    """Let the space of replaced postings be used again; autovacuum comes too late for a load of many documents."""
    if not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("vacuum (skip_locked) documents_posting")


def _due(index: Index) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(DUE, [index.pk, MAX_MERGED, MERGED_AT_ONCE])
        row = cursor.fetchone()
    return list(row[0]) if row else []


def merge(segments: list[int], *, purge: bool = False) -> bool:
    """Replace segments of one index by a single one. Searches see the old ones or the new one.

    False if another transaction merges them or deletes a version of them: it must not wait for this one.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(LOCK_SEGMENTS, [segments])
            if len(cursor.fetchall()) < len(segments):
                return False
            cursor.execute(LOCK_VERSIONS, [segments])
            cursor.execute(CREATE_MERGED, [segments])
            if row := cursor.fetchone():  # none where the last two versions were deleted at the same moment
                cursor.execute(MERGE_PURGED if purge else MERGE, {"new": row[0], "old": segments})
                cursor.execute(MOVE_VERSIONS, [row[0], segments])
            cursor.execute(DELETE_SEGMENTS, [segments])
    except OperationalError as error:  # a lock is taken
        logger.info("segments not merged: %s", type(error.__cause__).__name__)
        return False
    return True


# How often each stem occurs in each chunk, its headings and its table's header included. An entry as in
# documents.models.posting.ENTRY. Sorted as the primary key, whose pages are then filled one after another.
INSERT_POSTINGS = """
insert into documents_posting (segment_id, lexeme, entries)
select %s, lexeme, string_agg(
    int8send((%s::bigint << 32) | position) || int2send(least(tokens, 32767)::int2) || int2send(tf::int2), ''
)
from (
    select w.lexeme collate "C" as lexeme, c.position, c.tokens, coalesce(cardinality(w.positions), 1) as tf
    from documents_chunk c,
         unnest(to_tsvector(
             %s::regconfig, normalize(concat_ws(' ', array_to_string(c.heading_path, ' '), c.table_header, c.text), NFKC)
         )) w
    where c.version_id = %s and c.index_id = %s
) words
group by lexeme order by lexeme
"""
DUE = """
select array_agg(id order by id) from documents_segment where index_id = %s and chunks < %s
group by floor(log(16, greatest(chunks, 1))) having count(*) >= %s order by min(chunks) limit 1
"""
WITH_DELETED = """
select segment.id from documents_segment segment
left join documents_indexedversion version on version.segment_id = segment.id
group by segment.id having segment.chunks > coalesce(sum(version.chunks), 0)
"""
LOCK_SEGMENTS = "select id from documents_segment where id = any(%s) order by id for update skip locked"
LOCK_VERSIONS = "select id from documents_indexedversion where segment_id = any(%s) for no key update nowait"
CREATE_MERGED = """
insert into documents_segment (index_id, chunks)
select index_id, sum(chunks) from documents_indexedversion where segment_id = any(%s) group by index_id
returning id
"""
MERGE = """
insert into documents_posting (segment_id, lexeme, entries)
select %(new)s, lexeme, string_agg(entries, '' order by segment_id) from documents_posting
where segment_id = any(%(old)s) group by lexeme order by lexeme
"""
# Each entry begins with the four bytes of its indexed version.
MERGE_PURGED = """
insert into documents_posting (segment_id, lexeme, entries)
select %(new)s, lexeme, string_agg(entry, '') from (
    select lexeme, substring(flat from n for 12) as entry
    from (
        select lexeme, entries || '' as flat from documents_posting where segment_id = any(%(old)s) offset 0
    ) postings, generate_series(1, octet_length(flat), 12) n
) entries
where substring(entry from 1 for 4) in (
    select int4send(id) from documents_indexedversion where segment_id = any(%(old)s)
)
group by lexeme order by lexeme
"""
MOVE_VERSIONS = "update documents_indexedversion set segment_id = %s where segment_id = any(%s)"
DELETE_SEGMENTS = "delete from documents_segment where id = any(%s)"
