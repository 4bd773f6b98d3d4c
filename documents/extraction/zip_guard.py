"""Files that are ZIP archives inside: what is in them, read within limits, after a look at the directory."""

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
MAX_BYTES = 200 * 1024 * 1024  # of all members, unpacked
MAX_RATIO = 100  # of that to the file itself
MAX_DIRECTORY = 4 * 1024 * 1024
END = b"PK\x05\x06"
END_64 = b"PK\x06\x06"
LOCATOR_64 = b"PK\x06\x07"
PIECE = 64 * 1024
# zipfile unpacks these two a piece at a time; bzip2 and LZMA at one go, whatever a thousand bytes unpack to.
BY_PIECES = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile says of a file that is no sound archive.
UNSOUND = (zipfile.BadZipFile, ValueError, struct.error, EOFError, NotImplementedError, OSError)
OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)|\x00")


class Archive:
    """An archive whose directory promises nothing unreasonable; and no promise is believed while it is read.

    Raises UnreadableFile: `limit` for a bomb, `damaged` for what is no sound archive, `unsupported` for a locked one.
    """

    def __init__(self, file: Path | IO[bytes]) -> None:
        self.stream: Any = file.open("rb") if isinstance(file, Path) else file
        size = check_directory(self.stream)
        try:
            self.zip = zipfile.ZipFile(self.stream)
        except UNSOUND:
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
        promised = sum(member.file_size for member in members)
        if len(members) > MAX_MEMBERS or promised > MAX_BYTES or promised > MAX_RATIO * size:
            raise UnreadableFile("limit")
        if any(OUTSIDE.search(member.filename) for member in members):
            raise UnreadableFile("damaged")
        if any(member.flag_bits & 1 for member in members):
            raise UnreadableFile("unsupported", format="locked")
        if any(member.compress_type not in BY_PIECES for member in members):
            raise UnreadableFile("unsupported", format="packed")

    def read(self, name: str) -> bytes:
        """A member whole; empty if there is none of that name."""
        if name not in self.members:
            return b""
        return b"".join(self.pieces(name))

    def pieces(self, name: str) -> Iterator[bytes]:
        """A member piece by piece, counted: the sum of all that is read keeps within the limit."""
        if name not in self.members:
            raise UnreadableFile("damaged")
        try:
            with self.zip.open(self.members[name]) as member:
                while piece := member.read(PIECE):
                    self.left -= len(piece)
                    if self.left < 0:
                        raise UnreadableFile("limit")
                    yield piece
        except (zlib.error, RuntimeError, *UNSOUND):
            raise UnreadableFile("damaged") from None


def members_of(file: IO[bytes]) -> dict[str, int]:
    """The names in an archive and the sizes promised, after a look that costs little; for whoever only wants to know."""
    check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            return {member.filename: member.file_size for member in archive.infolist()}
    except UNSOUND:
        raise UnreadableFile("damaged") from None


def read_start(file: IO[bytes], name: str, length: int) -> bytes:
    """A member's first bytes, no more than so many; empty if it cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(name).compress_type not in BY_PIECES:
                return b""
            with archive.open(name) as member:
                return member.read(length)
    except (KeyError, RuntimeError, zlib.error, *UNSOUND):
        return b""


def check_directory(stream: IO[bytes]) -> int:
    """The file's size, if its directory is small enough to be read; where it says what size it has, as zipfile does."""
    stream.seek(0, io.SEEK_END)
    size = stream.tell()
    tail_at = max(0, size - 65_536 - 22 - 20 - 56)
    stream.seek(tail_at)
    tail = stream.read()
    stream.seek(0)
    at = tail.rfind(END)
    if at < 0 or len(tail) < at + 22:
        raise UnreadableFile("damaged")
    length = struct.unpack("<L", tail[at + 12 : at + 16])[0]
    if tail[max(0, at - 20) :].startswith(LOCATOR_64):
        record = tail[max(0, at - 76) : at - 20]
        if record.startswith(END_64) and len(record) == 56:
            length = max(length if length < 0xFFFFFFFF else 0, struct.unpack("<Q", record[40:48])[0])
    if length > MAX_DIRECTORY:
        raise UnreadableFile("limit")
    return size
