"""Parse the body of an answer into chunks: server-sent events, JSON lines, or one whole JSON answer."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from ragsite.llm.errors import BadResponse

MAX_LINE = 8 * 1024 * 1024  # bytes of one event, or of an answer that is not streamed
MAX_BYTES = 128 * 1024 * 1024  # of one answer, including keep-alives
MAX_AT_ONCE = 4096  # bytes parsed before the caller may yield to the event loop
LINE_END = re.compile(rb"\r\n|\n|\r")
BLANK = b"\xef\xbb\xbf \t\r\n"
REPEATED_PREFIX = re.compile(r"^(?:data: ?)+")  # from a proxy that wraps events in events
END_NAMES = ("done", "end", "complete")

STREAM = (b":", b"data", b"event", b"id", b"retry", b"{")  # how its lines start

DONE = object()  # the end of the stream


async def read_chunks(
    parts: AsyncIterator[bytes], on_arrival: Callable[[], None]
) -> AsyncIterator[list[Any]]:
    """Yield the JSON values that each part of the body completes, in order, with DONE at the end of the stream.

    The list is empty for a part that completes none, such as a keep-alive. `on_arrival` is called for each part
    before it is parsed. An answer that is not streamed is parsed too. Raises BadResponse and ValueError.
    """
    head, received = b"", 0
    lines: _Lines | None = None
    async for part in parts:
        on_arrival()
        received += len(part)
        if received > MAX_BYTES:
            raise BadResponse("an answer without end")
        unread = part
        if lines is None:
            head += part
            lines, unread = _lines_from(head), head.lstrip(BLANK)
        if lines is None:
            yield []
            continue
        for some in _slices(unread):
            yield list(lines.feed(some))
    if lines is not None:
        yield list(lines.flush())
    elif head.strip(BLANK):
        yield [*_whole(head), DONE]


def _lines_from(head: bytes) -> "_Lines | None":
    """The parser of a stream that begins like this. None for white space, and for an answer that is not streamed."""
    start = head.lstrip(BLANK)
    if start[:1] in (b"", b"{", b"["):
        _check_length(head)
        return None
    if start.startswith(b"<"):
        raise BadResponse("a web page")
    return _Lines()


def _slices(part: bytes) -> Iterator[bytes]:
    return (part[start : start + MAX_AT_ONCE] for start in range(0, len(part), MAX_AT_ONCE))


class _Lines:
    """Incremental event parser. Lenient: accepts invalid UTF-8 and a missing blank line between two events."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0
        self._data = ""
        self._name = ""
        self.is_stream = False  # at least one line looks like an event

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
        """Yield the values of the last lines if they are complete; a truncated last event is dropped."""
        try:
            found = [*self._line(bytes(self._rest).rstrip(b"\r")), *self._event()]
        except ValueError:
            found = []
        if not self.is_stream:
            raise BadResponse("no events")
        yield from found

    def _line(self, line: bytes) -> Iterator[Any]:
        if not line:
            yield from self._event()
            return
        self.is_stream = self.is_stream or line.startswith(STREAM)
        if line.startswith(b":"):
            return  # a comment, used as a keep-alive
        if line.startswith(b"{") and not self._data:
            line = b"data: " + line  # often an error
        name, _colon, value = line.decode("utf-8", "replace").partition(":")
        value = REPEATED_PREFIX.sub("", value.removeprefix(" "))
        if name == "event":
            self._name = value
        elif name == "data":
            self._data += ("\n" if self._data else "") + value
            _check_length(self._data)
            value = _object(self._data)
            if _is_done(self._data.strip()) or (self._name and value is not None):
                yield from self._event()
            elif value is not None:
                self._data = ""
                yield value

    def _event(self) -> Iterator[Any]:
        data, name = self._data.strip(), self._name
        self._data = self._name = ""
        if _is_done(data) or (name in END_NAMES and "choices" not in data):
            yield DONE
        elif name == "error":
            yield {"error": _parsed(data) or data}
        elif data.startswith(("{", "[")):
            yield json.loads(data)
        # Anything else is a keep-alive, such as `ping`.


def _object(data: str) -> Any:
    """Return the object of a complete event, even without a blank line after it; None if more is to come."""
    data = data.strip()
    return _parsed(data) if data.startswith("{") and data.endswith("}") else None


def _is_done(data: str) -> bool:
    return data.lower().lstrip('"').startswith("[done]")


def _parsed(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _whole(body: bytes) -> list[Any]:
    """Parse an answer that is not streamed, or one JSON value per line."""
    text = body.decode("utf-8-sig", "replace").strip()
    try:
        return [json.loads(text)]
    except ValueError:
        lines = [_parsed(line) for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or None in lines:
            raise
        return lines


def _check_length(buffer: bytes | bytearray | str) -> None:
    if len(buffer) > MAX_LINE:
        raise BadResponse("an event without end")
