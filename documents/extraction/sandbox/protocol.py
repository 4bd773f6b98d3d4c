"""Messages between the worker and the process that reads: four bytes of length, then JSON."""

import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

MAX_SIZE = 64 * 1024 * 1024


def encode(message: dict[str, Any]) -> bytes:
    body = json.dumps(message, separators=(",", ":")).encode()
    return struct.pack(">I", len(body)) + body


def messages_from(connection: socket.socket) -> Iterator[dict[str, Any]]:
    """The messages until the other side closes; raises TimeoutError by the socket's own time-out.

    What follows no rule (the sender may be the victim of a hostile file) ends the stream.
    """
    with connection.makefile("rb") as stream:
        while len(head := stream.read(4)) == 4:
            (length,) = struct.unpack(">I", head)
            if length > MAX_SIZE or len(body := stream.read(length)) < length:
                return
            try:
                # A broken file may have places that are no numbers; nobody who counts with them expects that.
                message = json.loads(body, parse_constant=lambda _name: 0.0)
            except ValueError:
                return
            if not isinstance(message, dict):
                return
            yield message
