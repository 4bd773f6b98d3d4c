"""Writes PNG files with the standard library only."""

import struct
import zlib

GREY, COLOUR = 0, 2  # colour types of the PNG specification
LEVEL = 6


def png(pixels: bytes, width: int, height: int, *, is_grey: bool) -> bytes:
    """Encode rows without padding, of one byte per pixel or of three (red, green, blue)."""
    row = width if is_grey else 3 * width
    rows = b"".join(b"\0" + pixels[at : at + row] for at in range(0, row * height, row))
    header = struct.pack(">IIBBBBB", width, height, 8, GREY if is_grey else COLOUR, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, LEVEL)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
