"""The events of a running answer: their positions, and what a follower is told of them."""

import asyncio

from qa.streaming import channel as channel_module
from qa.streaming.channel import Channel, Follower, Position, merged


def written(*words):
    channel = Channel()
    channel.add("step", "Reading…")
    for word in words:
        channel.add("token", word)
    return channel


async def told(channel, last=None):
    follower, events = Follower(channel, last or Position()), []
    while not follower.is_at_end:
        events += await follower.next(0.01)
    return events


async def test_a_follower_is_told_everything_in_order():
    channel = written("It ", "rains.")
    channel.add("final", "<p>It rains.</p>")
    channel.close()
    assert [(event.kind, event.body) for event in await told(channel)] == [
        ("step", "Reading…"),
        ("token", "It rains."),
        ("final", "<p>It rains.</p>"),
    ]


async def test_a_position_in_the_middle_of_merged_text_repeats_none_of_it():
    channel = written("It ", "rains ", "in ", "Bergen.")
    channel.close()
    [event] = await told(channel, Position(3))
    assert (event.body, event.id) == ("rains in Bergen.", "19-0")
    [whole] = merged(channel.events[1:])
    assert whole.beyond(Position(9)).body == "in Bergen."
    assert whole.beyond(Position(0, 1)).body == "It rains in Bergen."


async def test_positions_grow_also_where_text_is_taken_back():
    channel = written("No. ", "Yes")
    channel.add("back", "")
    channel.add("token", "Maybe")
    positions = [event.position for event in channel.events]
    assert positions == sorted(set(positions))
    assert [Position.parse(str(position)) for position in positions] == positions


async def test_the_first_text_is_passed_on_at_once_and_later_text_is_gathered(monkeypatch):
    monkeypatch.setattr(channel_module, "COALESCE_SECONDS", 3600)
    channel = Channel()
    follower = Follower(channel, Position())
    channel.add("token", "a")
    assert [event.body for event in await follower.next(20)] == ["a"]

    gathering = asyncio.create_task(follower.next(20))
    for letter in "bcd":
        channel.add("token", letter)
        await asyncio.sleep(0)
    assert not gathering.done()
    channel.add("final", "abcd")
    channel.close()  # which waits for no more text
    assert [event.body for event in await gathering] == ["bcd", "abcd"]
