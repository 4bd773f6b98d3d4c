"""The files in an archive that someone uploads, each given out by itself. What could hurt is refused before it is unpacked."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Any, Self, cast
from zipfile import ZipInfo

from django.core.files.base import File

from documents.extraction import UnreadableFile, sniff, zip_guard
from documents.extraction.text.encodings import decode

IN_MEMORY = 1024 * 1024
ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
SAYS_UTF8 = 0x800  # a flag in the format
UNASKED = ("__MACOSX", "Thumbs.db", "desktop.ini")


def is_archive(file: File, name: str) -> bool:
    """Whether it is a zip of files, and not a document that happens to be stored as one, as Word's are."""
    file.seek(0)
    first = file.read(4)
    file.seek(0)
    if first not in ZIP_MARKS:
        return False
    try:
        sniff(cast("IO[bytes]", file), name)
    except UnreadableFile as error:
        # One that is damaged is opened as an archive too, which says so.
        return error.details.get("format") == "zip" or name.lower().endswith(".zip")
    finally:
        file.seek(0)
    return False


class Archive:
    """An open zip. Raises UnreadableFile for one that is damaged, or unpacks to more than can be taken safely."""

    def __init__(self, file: File, *, most_bytes: int) -> None:
        self.most_bytes = most_bytes  # of one file in it
        self.left_out = 0  # hidden files, counted as they go by
        try:
            self.guarded = zip_guard.Archive(cast("IO[bytes]", file))
        except UnreadableFile as error:
            raise UnreadableFile("archive_limit") if error.kind == "limit" else error from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.guarded.zip.close()

    def members(self) -> Iterator[Member]:
        """Its files in order of their paths; hidden ones are only counted."""
        names = readable_names(self.guarded.members)
        for path in sorted(self.guarded.members):
            if self.guarded.members[path].is_dir():
                continue
            if is_unasked(path):
                self.left_out += 1
            else:
                yield Member(self, path, names[path])

    def pieces(self, path: str) -> Iterator[bytes]:
        size = 0
        for piece in self.guarded.pieces(path):
            size += len(piece)
            if size > self.most_bytes:
                raise UnreadableFile("too_large")
            yield piece


@dataclass(frozen=True)
class Member:
    """One file of an archive. `path` finds it there, `name` is how it was called."""

    archive: Archive
    path: str
    name: str

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.archive.guarded.members[self.path].external_attr >> 16)

    @contextmanager
    def open(self) -> Iterator[File]:
        """The file, unpacked for the while. Raises UnreadableFile."""
        if self.is_link:
            raise UnreadableFile("link")
        with SpooledTemporaryFile(IN_MEMORY, prefix="ragsite-zip-") as copy:
            for piece in self.archive.pieces(self.path):
                copy.write(piece)
            size = copy.tell()
            copy.seek(0)
            file: Any = File(copy, name=PurePosixPath(self.name).name)
            file.size = size
            if is_archive(file, file.name):
                raise UnreadableFile("nested_archive")
            yield file


def readable_names(members: Mapping[str, ZipInfo]) -> dict[str, str]:
    """Each path in an archive as it was meant: Macs write UTF-8 and do not say so, Windows its country's code page.

    One archive was made on one machine: all its names together say more about their encoding than each.
    """
    names = {path: member.filename for path, member in members.items()}
    unsaid = {path: _bytes_of(member) for path, member in members.items() if _says_nothing(member)}
    with suppress(UnreadableFile):
        read = decode(b"\n".join(unsaid.values())).split("\n")
        if len(read) == len(unsaid):  # none has a line end in it
            names |= zip(unsaid, read, strict=True)
    return names


def _says_nothing(member: ZipInfo) -> bool:
    return not member.flag_bits & SAYS_UTF8 and not member.filename.isascii()


def _bytes_of(member: ZipInfo) -> bytes:
    """zipfile reads as CP437 what does not say that it is UTF-8."""
    return member.filename.encode("cp437", errors="replace")


def is_unasked(name: str) -> bool:
    """What systems put into archives and folders unasked: hidden files, and those in hidden folders."""
    return any(
        part.startswith(".") or part in UNASKED for part in PurePosixPath(name.replace("\\", "/")).parts
    )
