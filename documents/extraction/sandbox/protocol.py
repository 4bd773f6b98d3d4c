"""Wire format between worker and sandboxed process: a four-byte length, then JSON."""

import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

ENCODER = json.JSONEncoder(separators=(",", ":"))
# Coordinates from a broken file may be NaN or infinite, which no caller can compute with.
DECODER = json.JSONDecoder(parse_constant=lambda _name: 0.0)
MAX_SIZE = 64 * 1024 * 1024


def encode(message: dict[str, Any]) -> bytes:
    """Frame one message."""
    body = ENCODER.encode(message).encode()
    return struct.pack(">I", len(body)) + body


def messages_from(connection: socket.socket) -> Iterator[dict[str, Any]]:
    """Yield messages until the peer closes the socket. Raises TimeoutError by the socket's time-out.

    A malformed message ends the stream: a hostile file may have taken over the sender.
    """
    with connection.makefile("rb") as stream:
        while len(head := stream.read(4)) == 4:
            (length,) = struct.unpack(">I", head)
            if length > MAX_SIZE or len(body := stream.read(length)) < length:
                return
            try:
                message = DECODER.decode(body.decode())
            except ValueError:
                return
            if not isinstance(message, dict):
                return
            yield message
