"""Many streams at once are read less often, and pieces that came together are passed on together."""

import pytest

from ragsite.llm.backends.openai import chat, pace
from ragsite.llm.chat.completion import Piece
from ragsite.llm.errors import ProviderUnavailable


async def parts_of(*parts):
    for part in parts:
        yield part


async def read(parts, is_at_its_end=lambda: False):
    return [part async for part in pace.Pace().gathered(parts_of(*parts), is_at_its_end)]


@pytest.fixture
def pauses(monkeypatch):
    """The pauses that were made; a part counts as waited for whenever it comes."""
    made = []

    async def sleep(seconds):
        made.append(seconds)

    monkeypatch.setattr(pace.asyncio, "sleep", sleep)
    monkeypatch.setattr(pace, "BUFFERED_SECONDS", -1)
    return made


async def test_with_few_streams_every_part_is_passed_on_at_once(pauses):
    assert await read([b"a", b"b"]) == [b"a", b"b"]
    assert pauses == []


async def test_with_many_streams_more_parts_are_waited_for(pauses, monkeypatch):
    monkeypatch.setattr(pace, "_streams", 200)
    assert await read([b"a", b"b"]) == [b"a", b"b"]
    assert pauses == [0.2, 0.2]
    monkeypatch.setattr(pace, "_streams", 5000)
    await read([b"a"])
    assert pauses[2:] == [pace.MOST_GATHER_SECONDS]


async def test_nothing_is_waited_for_at_the_end_or_while_parts_are_buffered(pauses, monkeypatch):
    monkeypatch.setattr(pace, "_streams", 200)
    await read([b"a", b"b"], is_at_its_end=lambda: True)
    monkeypatch.setattr(pace, "BUFFERED_SECONDS", 3600)
    await read([b"a", b"b"])
    assert pauses == []


def test_pieces_that_came_together_are_one():
    pieces = [Piece("It "), Piece(thinking="Hm. "), Piece("rains.")]
    assert list(chat._joined(iter(pieces))) == [Piece("It rains.", "Hm. ")]


def test_what_is_taken_back_is_left_out():
    pieces = [Piece("So, "), Piece("It rains.", takes_back=True), Piece(" Often.")]
    assert list(chat._joined(iter(pieces))) == [Piece("It rains. Often.", takes_back=True)]


def test_the_pieces_before_an_error_are_passed_on():
    def breaks():
        yield Piece("It ")
        yield Piece("rains")
        raise ProviderUnavailable

    joined = chat._joined(breaks())
    assert next(joined) == Piece("It rains")
    with pytest.raises(ProviderUnavailable):
        next(joined)
