"""The body of an answer in chunks, whatever a server sends where a stream of events is expected."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from ragsite.llm.errors import BadResponse

MAX_LINE = 8 * 1024 * 1024  # bytes: of one event, or of an answer that comes whole
MAX_BYTES = 128 * 1024 * 1024  # of one answer, signs of life included
MAX_AT_ONCE = 4096  # bytes taken apart before whoever reads may give way to others
LINE_END = re.compile(rb"\r\n|\n|\r")
BLANK = b"\xef\xbb\xbf \t\r\n"
SAID_TWICE = re.compile(r"^(?:data: ?)+")  # by a proxy that makes events of events
END_NAMES = ("done", "end", "complete")

STREAM = (b":", b"data", b"event", b"id", b"retry", b"{")  # how the lines of one begin

DONE = object()  # the server says that nothing more comes


async def read_chunks(
    parts: AsyncIterator[bytes], on_arrival: Callable[[], None]
) -> AsyncIterator[list[Any]]:
    """The JSON values of the body, as they come: for each part that arrives those that it completes, which may be none,
    since a part without any is a sign of life. DONE is among them where the server said so.

    `on_arrival` is called for each part that came, before it is taken apart.

    A whole answer in place of a stream is read, too. Raises BadResponse and ValueError.
    """
    head, received = b"", 0
    lines: _Lines | None = None
    async for part in parts:
        on_arrival()
        received += len(part)
        if received > MAX_BYTES:
            raise BadResponse("an answer without end")
        if lines is not None:
            for some in _slices(part):
                yield list(lines.feed(some))
            continue
        head += part
        if head.lstrip(BLANK)[:1] in (b"", b"{", b"["):
            _check_length(head)
            yield []
        elif head.lstrip(BLANK).startswith(b"<"):
            raise BadResponse("a web page")
        else:
            lines = _Lines()
            for some in _slices(head.lstrip(BLANK)):
                yield list(lines.feed(some))
    if lines is not None:
        yield list(lines.flush())
    elif head.strip(BLANK):
        yield [*_whole(head), DONE]


def _slices(part: bytes) -> Iterator[bytes]:
    return (part[start : start + MAX_AT_ONCE] for start in range(0, len(part), MAX_AT_ONCE))


class _Lines:
    """Events of a stream. Lenient: a blank line between two events may be missing, bytes may be no UTF-8."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0
        self._data = ""
        self._name = ""
        self.are_a_stream = False  # and no other text

    def feed(self, part: bytes) -> Iterator[Any]:
        self._rest += part
        start = 0
        for end in LINE_END.finditer(self._rest, self._searched):
            if end[0] == b"\r" and end.end() == len(self._rest):
                break  # its line feed may be in the next part
            yield from self._line(bytes(self._rest[start : end.start()]))
            start = end.end()
        del self._rest[:start]
        self._searched = max(len(self._rest) - 1, 0)
        _check_length(self._rest)

    def flush(self) -> Iterator[Any]:
        """What the last lines are, where they are whole: a stream that breaks off in one has broken off."""
        try:
            found = [*self._line(bytes(self._rest).rstrip(b"\r")), *self._event()]
        except ValueError:
            found = []
        if not self.are_a_stream:
            raise BadResponse("no events")
        yield from found

    def _line(self, line: bytes) -> Iterator[Any]:
        if not line:
            yield from self._event()
            return
        self.are_a_stream = self.are_a_stream or line.startswith(STREAM)
        if line.startswith(b":"):
            return  # a comment, as a sign of life
        if line.startswith(b"{") and not self._data:
            line = b"data: " + line  # an error, often
        name, _colon, value = line.decode("utf-8", "replace").partition(":")
        value = SAID_TWICE.sub("", value.removeprefix(" "))
        if name == "event":
            self._name = value
        elif name == "data":
            self._data += ("\n" if self._data else "") + value
            _check_length(self._data)
            if _is_whole(self._data):
                yield from self._event()

    def _event(self) -> Iterator[Any]:
        data, name = self._data.strip(), self._name
        self._data = self._name = ""
        if _is_done(data) or (name in END_NAMES and "choices" not in data):
            yield DONE
        elif name == "error":
            yield {"error": _parsed(data) or data}
        elif data.startswith(("{", "[")):
            yield json.loads(data)
        # Anything else is a sign of life: `ping`, `keep-alive`.


def _is_whole(data: str) -> bool:
    """Whether the lines so far are an event by themselves, without a blank line after them."""
    data = data.strip()
    return _is_done(data) or (data.startswith("{") and data.endswith("}") and _parsed(data) is not None)


def _is_done(data: str) -> bool:
    return data.lower().lstrip('"').startswith("[done]")


def _parsed(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _whole(body: bytes) -> list[Any]:
    """An answer that was not streamed; or one JSON value a line."""
    text = body.decode("utf-8-sig", "replace").strip()
    try:
        return [json.loads(text)]
    except ValueError:
        lines = [_parsed(line) for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or None in lines:
            raise
        return lines


def _check_length(held: bytes | bytearray | str) -> None:
    if len(held) > MAX_LINE:
        raise BadResponse("an event without end")
