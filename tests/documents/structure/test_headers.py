"""A chunk that begins between the rows of a table is embedded and found with the names of its columns."""

import pytest

from documents.ingestion.splitter import embedding_text, split_pages
from documents.models import Chunk, Index, Posting
from documents.models.posting import POSITION_BITS
from documents.structure.document_text import PageText
from documents.structure.headers import TableHeaders
from qa.retrieval.retriever import rank_chunks
from ragsite.llm.cache import cached_vectors
from tests.support.factories import make_indexed

ROWS = [f"Room {number} | {number * 7} | {number * 11} crowns" for number in range(30)]
TABLE = "Room | Seats | Price\n" + "\n".join(ROWS)


class Words:
    """A tokenizer of one token a word."""

    def count(self, text):
        return len(text.split())


def split(text, tokens=40):
    return split_pages([PageText(1, text, 0)], Words(), tokens=tokens, overlap=0)


def test_the_header_is_known_at_each_row_and_nowhere_else():
    text = f"Prices\n\n{TABLE}\n\nMore | or less."
    headers = TableHeaders(text)

    assert headers.at(text.index("Room 7")) == ["Room", "Seats", "Price"]
    assert headers.at(text.index("33 crowns")) == ["Room", "Seats", "Price"]
    assert [headers.at(place) for place in (0, text.index("Seats"), text.index("More"))] == [(), (), ()]


def test_a_chunk_that_continues_a_table_carries_its_header():
    first, *others = split(TABLE)

    assert first.table_header == ""
    assert first.text.startswith("Room | Seats | Price\nRoom 0")
    assert others
    for chunk in others:
        assert chunk.text == TABLE[chunk.start : chunk.end]
        assert chunk.embedding_text == f"Room | Seats | Price\n{chunk.text}"
        assert chunk.tokens == Words().count(chunk.embedding_text) <= 40


def test_a_header_takes_at_most_a_quarter_of_a_chunk():
    names = " | ".join(f"Column{number}" for number in range(40))
    rows = "\n".join(" | ".join(str(number) for number in range(40)) for _ in range(4))

    chunks = split(f"{names}\n{rows}")

    assert chunks[-1].table_header == " | ".join(f"Column{number}" for number in range(5))
    assert all(chunk.tokens <= 40 for chunk in chunks)


def test_prose_after_a_table_has_no_header():
    prose = "It rains in Bergen today. " * 20

    assert split(f"{TABLE}\n\n{prose}")[-1].table_header == ""


@pytest.mark.django_db
def test_keywords_find_the_rows_of_a_continued_table_by_the_names_of_its_columns(alice):
    document = make_indexed(alice, TABLE.replace("Seats", "Armchairs"))

    *_, last = Chunk.objects.filter(document=document)
    assert last.table_header == "Room | Armchairs | Price"
    assert "Armchairs" not in last.text
    assert last.position in Posting.objects.get(lexeme="armchair").unpacked["key"] % (1 << POSITION_BITS)
    assert last.table_header in {
        source.table_header for source in rank_chunks("Room 29 armchairs", user=alice)
    }


@pytest.mark.django_db
def test_the_vectors_of_continued_tables_are_forgotten_with_their_document(
    alice, django_capture_on_commit_callbacks
):
    document, index = make_indexed(alice, TABLE), Index.objects.live()
    *_, last = Chunk.objects.filter(document=document)
    sent = [embedding_text(last.heading_path, last.text, last.table_header)]
    assert cached_vectors(sent, model=index.embedding_model, dimensions=index.dimensions)

    with django_capture_on_commit_callbacks(execute=True):
        document.delete()

    assert not cached_vectors(sent, model=index.embedding_model, dimensions=index.dimensions)
