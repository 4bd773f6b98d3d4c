"""The blocks around chunks, from the stored pages."""

import pytest

from documents.models import Chunk
from documents.structure.kinds import ItemList, Table
from documents.structure.surroundings import surroundings
from tests.support.factories import make_indexed

pytestmark = pytest.mark.django_db

ROWS = [f"Room {number} | {number} seats" for number in range(9)]


def stretch(document, words):
    """A chunk of the document with just these words."""
    start = document.serving.text.index(words)
    return Chunk(
        document=document,
        version=document.serving,
        start=start,
        end=start + len(words),
        page_start=1,
        page_end=1,
    )


def test_a_chunk_that_begins_within_a_table_has_its_header(alice, django_assert_num_queries):
    text = "Prices of our rooms.\n\nRoom | Seats\n" + "\n".join(ROWS) + "\n\nThat is all."
    document = make_indexed(alice, text)
    chunks = [stretch(document, ROWS[5]), stretch(document, "That is all.")]

    with django_assert_num_queries(1):
        within, after = surroundings(chunks)

    assert within.header == ["Room", "Seats"]
    (table,) = within.blocks
    assert isinstance(table, Table)
    row = next(row for row in table.rows if row.start == chunks[0].start)
    assert table.labelled(row) == "Room: Room 5; Seats: 5 seats"
    assert within.words(row.start, row.end) == ROWS[5]
    assert after.header == ()


def test_offsets_are_those_of_the_document_on_later_pages_too(alice):
    text = "It rains.\n\n" * 2_000 + "Bring these:\n\n- a pen\n- paper\n"
    document = make_indexed(alice, text)
    page = document.serving.pages.order_by("number").last()
    assert page.number > 1
    chunk = stretch(document, "- paper")
    chunk.page_start = chunk.page_end = page.number

    (found,) = surroundings([chunk])

    (items,) = found.blocks
    assert isinstance(items, ItemList)
    whole = document.serving.text
    assert [whole[item.start : item.end] for item in items.items] == ["- a pen", "- paper"]
    assert whole[slice(*items.lead)] == "Bring these:"
    assert len(found.text) < 9_000


def test_nothing_is_around_a_chunk_whose_version_is_gone(alice):
    document = make_indexed(alice, "It rains.")
    chunk = stretch(document, "It rains.")
    document.delete()

    assert surroundings([chunk])[0].blocks == []
    assert surroundings([]) == []
