"""Opens uploaded zip archives, file by file, and refuses dangerous ones before unpacking them."""

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

MAX_IN_MEMORY = 1024 * 1024
ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
UTF8_FLAG = 0x800  # APPNOTE.TXT, 4.4.4, bit 11
SYSTEM_FILES = ("__MACOSX", "Thumbs.db", "desktop.ini")


def is_archive(file: File, name: str) -> bool:
    """Whether the file is a zip archive, and not a document in zip format such as Word's."""
    file.seek(0)
    signature = file.read(4)
    file.seek(0)
    if signature not in ZIP_SIGNATURES:
        return False
    try:
        sniff(cast("IO[bytes]", file), name)
    except UnreadableFile as error:
        # A damaged zip counts as an archive, which reports the damage.
        return error.details.get("format") == "zip" or name.lower().endswith(".zip")
    finally:
        file.seek(0)
    return False


class Archive:
    """An open zip. Raises UnreadableFile if it is damaged or would unpack to too much."""

    def __init__(self, file: File, *, max_bytes: int) -> None:
        self.max_bytes = max_bytes  # of each file
        self.left_out = 0  # hidden files so far
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
        """The files in the order of their paths; hidden files are only counted."""
        names = readable_names(self.guarded.members)
        for path in sorted(self.guarded.members):
            if self.guarded.members[path].is_dir():
                continue
            if is_hidden(path):
                self.left_out += 1
            else:
                yield Member(self, path, names[path])

    def pieces(self, path: str) -> Iterator[bytes]:
        size = 0
        for piece in self.guarded.pieces(path):
            size += len(piece)
            if size > self.max_bytes:
                raise UnreadableFile("too_large")
            yield piece


@dataclass(frozen=True)
class Member:
    """One file of an archive: its path there, and its decoded name."""

    archive: Archive
    path: str
    name: str

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.archive.guarded.members[self.path].external_attr >> 16)

    @contextmanager
    def open(self) -> Iterator[File]:
        """The unpacked file, deleted after the block. Raises UnreadableFile."""
        if self.is_link:
            raise UnreadableFile("link")
        with SpooledTemporaryFile(MAX_IN_MEMORY, prefix="ragsite-zip-") as copy:
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
    """The decoded name of each path: macOS writes UTF-8 without the flag, Windows a national code page.

    All names come from one machine, so that their encoding is detected from all of them together.
    """
    names = {path: member.filename for path, member in members.items()}
    unflagged = {path: _bytes_of(member) for path, member in members.items() if _is_unflagged(member)}
    with suppress(UnreadableFile):
        decoded = decode(b"\n".join(unflagged.values())).split("\n")
        if len(decoded) == len(unflagged):  # no name contains a line feed
            names |= zip(unflagged, decoded, strict=True)
    return names


def _is_unflagged(member: ZipInfo) -> bool:
    return not member.flag_bits & UTF8_FLAG and not member.filename.isascii()


def _bytes_of(member: ZipInfo) -> bytes:
    """The original bytes: zipfile decodes names without the UTF-8 flag as CP437."""
    return member.filename.encode("cp437", errors="replace")


def is_hidden(name: str) -> bool:
    """Whether a path is a hidden or system file, or inside a hidden folder."""
    return any(
        part.startswith(".") or part in SYSTEM_FILES for part in PurePosixPath(name.replace("\\", "/")).parts
    )
