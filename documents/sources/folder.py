"""Finds, opens and copies files of a local folder; never follows links out of it, never waits for a pipe."""

from __future__ import annotations

import os
import shutil
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

from django.core.files import File

from documents.extraction import UnreadableFile
from documents.sources.zip_upload import is_hidden
from ragsite.limits import max_upload_bytes

CHUNK_SIZE = 256 * 1024
LEADS_OUT = "link to a file outside the folder"


class Found(NamedTuple):
    """Paths relative to the folder, with slashes; `unreadable` has the reason for each path."""

    files: list[str]
    unreadable: list[tuple[str, str]]
    links_out: list[str]


def files_in(folder: Path) -> Found:
    """All files at any depth. Hidden files are left out, and so are pipes and devices, which could block for ever.

    A link counts as its target, unless the target is found anyway or is outside the folder.
    """
    root = os.path.realpath(folder)
    files: dict[str, str] = {}  # by real path
    links: dict[str, str] = {}
    links_out: list[str] = []
    errors: list[OSError] = []
    for path in _entries(folder, errors):
        try:
            relative, real = _relative(folder, path), os.path.realpath(path)
            if os.path.islink(path) and not _is_within(root, real):
                links_out.append(relative)
            elif stat.S_ISREG(os.stat(path).st_mode):
                (links if os.path.islink(path) else files).setdefault(real, relative)
        except OSError as error:
            errors.append(error)
    unreadable = [(_relative(folder, error.filename), reason(error)) for error in errors]
    return Found(sorted({**links, **files}.values()), sorted(unreadable), sorted(links_out))


def _entries(folder: Path, errors: list[OSError]) -> Iterator[str]:
    """Paths of files and folders, and of links to folders, which are not followed."""
    for parent, folders, names in os.walk(folder, onerror=errors.append):
        folders[:] = [name for name in folders if not is_hidden(name)]
        yield from (os.path.join(parent, name) for name in [*folders, *names] if not is_hidden(name))


def _is_within(root: str, path: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def _relative(folder: Path, path: str) -> str:
    return Path(path).relative_to(folder).as_posix()


def printable(path: str) -> str:
    """The path with replacement characters for bytes that are not UTF-8 and for terminal control characters."""
    text = os.fsencode(path).decode(errors="replace")
    return "".join("\ufffd" if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") else letter for letter in text)  # fmt: skip


def reason(error: OSError) -> str:
    return error.strerror or "cannot be opened"


@contextmanager
def opened(path: Path, within: Path | None = None) -> Iterator[BufferedReader]:
    """Open the file. Raises OSError if it is no regular file, or no longer within that folder."""
    with open(path, "rb", opener=_without_blocking) as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(None, "is no longer a file")
        real = os.path.realpath(path)
        if within and not (
            _is_within(os.path.realpath(within), real) and os.path.samestat(status, os.stat(real))
        ):
            raise OSError(None, LEADS_OUT)
        yield stream


def _without_blocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # the file may have been replaced by a pipe


@contextmanager
def copied(stream: IO[bytes], name: str) -> Iterator[File]:
    """A temporary copy, so that later writes to the file cannot make its checksum wrong.

    Raises UnreadableFile for a file larger than the upload limit.
    """
    most = max_upload_bytes()
    if os.fstat(stream.fileno()).st_size > most:
        raise UnreadableFile("too_large")
    with TemporaryFile(prefix="ragsite-copy-") as copy:
        stream.seek(0)
        shutil.copyfileobj(stream, copy, CHUNK_SIZE)
        file: Any = File(copy, name=name)
        file.size = copy.tell()
        copy.seek(0)
        yield file
