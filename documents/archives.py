"""The files in a zip, each given out by itself; what could hurt in one is refused before anything is unpacked."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Any, Self

from django.core.files.base import File

from documents.extraction import UnreadableFile, sniff

MOST_MEMBERS = 5_000
MOST_UNPACKED = 2 * 1024**3  # bytes, of all
MOST_RATIO = 100  # unpacked to packed, of what is large enough to matter
SMALL = 1024 * 1024
PIECE = 64 * 1024
IN_MEMORY = 1024 * 1024
ENCRYPTED = 0x1
UNASKED = ("__MACOSX", "Thumbs.db", "desktop.ini")
ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")


def is_archive(file: File, name: str) -> bool:
    """Whether it is a zip of files, and not a document that happens to be stored as one, as Word's are."""
    file.seek(0)
    first = file.read(4096)
    file.seek(0)
    if not first.startswith(ZIP_MARKS):
        return False
    try:
        sniff(first, name)
    except UnreadableFile as error:
        return error.details.get("format") == "zip"
    return False


class Archive:
    """An open zip. Raises UnreadableFile for one that is damaged, or unpacks to more than can be taken safely."""

    def __init__(self, file: IO[bytes] | File, *, most_bytes: int) -> None:
        self.most_bytes = most_bytes  # of one file in it
        self.left_out = 0  # hidden files, counted as they go by
        self.unpacked = 0
        try:
            self.zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise UnreadableFile("damaged") from None
        guard(self.zip.infolist())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.zip.close()

    def members(self) -> Iterator[Member]:
        """Its files in order of their paths; hidden ones are only counted."""
        for info in sorted(self.zip.infolist(), key=lambda info: info.filename):
            if info.is_dir():
                continue
            if is_unasked(info.filename):
                self.left_out += 1
            else:
                yield Member(self, info)

    def pieces(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """Counted as they come: what the list of contents says need not be true."""
        size = 0
        try:
            with self.zip.open(info) as stream:
                while piece := stream.read(PIECE):
                    size += len(piece)
                    self.unpacked += len(piece)
                    if size > self.most_bytes:
                        raise UnreadableFile("too_large")
                    if self.unpacked > MOST_UNPACKED or is_bomb(size, info.compress_size):
                        raise UnreadableFile("limit")
                    yield piece
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ):
            raise UnreadableFile("damaged") from None


@dataclass(frozen=True)
class Member:
    """One file of an archive. `path` is how it is called there."""

    archive: Archive
    info: zipfile.ZipInfo

    @property
    def path(self) -> str:
        return self.info.filename

    @contextmanager
    def open(self) -> Iterator[File]:
        """The file, unpacked for the while."""
        if self.info.flag_bits & ENCRYPTED:
            raise UnreadableFile("locked_member")
        with SpooledTemporaryFile(IN_MEMORY, prefix="ragsite-zip-") as copy:
            for piece in self.archive.pieces(self.info):
                copy.write(piece)
            size = copy.tell()
            copy.seek(0)
            file: Any = File(copy, name=PurePosixPath(self.path).name)
            file.size = size
            if is_archive(file, file.name):
                raise UnreadableFile("nested_archive")
            yield file


def guard(infos: list[zipfile.ZipInfo]) -> None:
    """Refuses by the list of contents what is too much, or what names places outside of the archive."""
    if len(infos) > MOST_MEMBERS:
        raise UnreadableFile("archive_members")
    if sum(info.file_size for info in infos) > MOST_UNPACKED:
        raise UnreadableFile("limit")
    if any(is_bomb(info.file_size, info.compress_size) for info in infos):
        raise UnreadableFile("limit")
    if any(leads_outside(info.filename) for info in infos):
        raise UnreadableFile("archive_paths")


def is_bomb(size: int, packed: int) -> bool:
    return size > SMALL and size > packed * MOST_RATIO


def leads_outside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return name.startswith(("/", "\\")) or ".." in parts or (bool(parts) and parts[0].endswith(":"))


def is_unasked(name: str) -> bool:
    """What systems put into archives and folders unasked: hidden files, and those in hidden folders."""
    return any(
        part.startswith(".") or part in UNASKED for part in PurePosixPath(name.replace("\\", "/")).parts
    )
