"""Read ZIP archives within limits, checking the central directory first."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

from documents.extraction.errors import UnreadableFile

MAX_MEMBERS = 5_000
MAX_BYTES = 200 * 1024 * 1024  # of all members, uncompressed
MAX_RATIO = 100  # uncompressed to compressed size
MAX_DIRECTORY = 4 * 1024 * 1024
END_RECORD = b"PK\x05\x06"
END_RECORD_64 = b"PK\x06\x06"
END_LOCATOR_64 = b"PK\x06\x07"
READ_BYTES = 64 * 1024
# zipfile decompresses these two in bounded pieces, but bzip2 and LZMA without a bound.
STREAMED_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises for a malformed archive.
ARCHIVE_ERRORS = (zipfile.BadZipFile, ValueError, struct.error, EOFError, NotImplementedError, OSError)
UNSAFE_NAME = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)|\x00")


class Archive:
    """An archive whose declared sizes are within limits. Reading enforces the limits regardless of them.

    Raises UnreadableFile: `limit` for a bomb, `damaged` for a malformed archive, `unsupported` for an encrypted one.
    """

    def __init__(self, file: Path | IO[bytes]) -> None:
        self.stream: Any = file.open("rb") if isinstance(file, Path) else file
        size = check_directory(self.stream)
        try:
            self.zip = zipfile.ZipFile(self.stream)
        except ARCHIVE_ERRORS:
            raise UnreadableFile("damaged") from None
        self.members = {member.filename: member for member in self.zip.infolist()}
        self.left = MAX_BYTES
        self._check(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.zip.close()
        self.stream.close()

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def _check(self, size: int) -> None:
        members = self.zip.infolist()
        declared = sum(member.file_size for member in members)
        if len(members) > MAX_MEMBERS or declared > MAX_BYTES or declared > MAX_RATIO * size:
            raise UnreadableFile("limit")
        if any(UNSAFE_NAME.search(member.filename) for member in members):
            raise UnreadableFile("damaged")
        if any(member.flag_bits & 1 for member in members):
            raise UnreadableFile("unsupported", format="locked")
        if any(member.compress_type not in STREAMED_METHODS for member in members):
            raise UnreadableFile("unsupported", format="packed")

    def read(self, name: str) -> bytes:
        """Return a whole member; empty if it does not exist."""
        if name not in self.members:
            return b""
        return b"".join(self.pieces(name))

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield a member in pieces, counted against the limit of the whole archive."""
        if name not in self.members:
            raise UnreadableFile("damaged")
        try:
            with self.zip.open(self.members[name]) as member:
                while piece := member.read(READ_BYTES):
                    self.left -= len(piece)
                    if self.left < 0:
                        raise UnreadableFile("limit")
                    yield piece
        except (zlib.error, RuntimeError, *ARCHIVE_ERRORS):
            raise UnreadableFile("damaged") from None


def member_sizes(file: IO[bytes]) -> dict[str, int]:
    """Return the names and declared sizes of an archive's members without reading them."""
    check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            return {member.filename: member.file_size for member in archive.infolist()}
    except ARCHIVE_ERRORS:
        raise UnreadableFile("damaged") from None


def read_start(file: IO[bytes], name: str, length: int) -> bytes:
    """Return up to `length` first bytes of a member; empty if it cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(name).compress_type not in STREAMED_METHODS:
                return b""
            with archive.open(name) as member:
                return member.read(length)
    except (KeyError, RuntimeError, zlib.error, *ARCHIVE_ERRORS):
        return b""


def check_directory(stream: IO[bytes]) -> int:
    """Return the file's size. Raises UnreadableFile if its central directory is missing or too large."""
    stream.seek(0, io.SEEK_END)
    size = stream.tell()
    tail_at = max(0, size - 65_536 - 22 - 20 - 56)
    stream.seek(tail_at)
    tail = stream.read()
    stream.seek(0)
    at = tail.rfind(END_RECORD)
    if at < 0 or len(tail) < at + 22:
        raise UnreadableFile("damaged")
    length = struct.unpack("<L", tail[at + 12 : at + 16])[0]
    if tail[max(0, at - 20) :].startswith(END_LOCATOR_64):
        record = tail[max(0, at - 76) : at - 20]
        if record.startswith(END_RECORD_64) and len(record) == 56:
            length = max(length if length < 0xFFFFFFFF else 0, struct.unpack("<Q", record[40:48])[0])
    if length > MAX_DIRECTORY:
        raise UnreadableFile("limit")
    return size
