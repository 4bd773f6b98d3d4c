"""Files in a folder of the server, as the commands take them: found, opened without being led astray, copied."""

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
from documents.sources.zip_upload import is_unasked
from ragsite.limits import max_upload_bytes

PIECE = 256 * 1024
LEADS_OUT = "a link that leads out of the folder"


class Found(NamedTuple):
    """Paths seen from the folder, with slashes; for what could not be looked at, why."""

    files: list[str]
    unreadable: list[tuple[str, str]]
    links_out: list[str]


def files_in(folder: Path) -> Found:
    """All files in it, however deep; hidden ones are left out, as is what is no file: reading a pipe would wait for ever.

    A link is read as the file it leads to, unless that is found anyway or stands outside.
    """
    home = os.path.realpath(folder)
    files: dict[str, str] = {}  # by where they really stand
    links: dict[str, str] = {}
    links_out: list[str] = []
    errors: list[OSError] = []
    for path in _entries(folder, errors):
        try:
            seen, real = _seen_from(folder, path), os.path.realpath(path)
            if os.path.islink(path) and not _is_within(home, real):
                links_out.append(seen)
            elif stat.S_ISREG(os.stat(path).st_mode):
                (links if os.path.islink(path) else files).setdefault(real, seen)
        except OSError as error:
            errors.append(error)
    unreadable = [(_seen_from(folder, error.filename), reason(error)) for error in errors]
    return Found(sorted({**links, **files}.values()), sorted(unreadable), sorted(links_out))


def _entries(folder: Path, errors: list[OSError]) -> Iterator[str]:
    """What stands in it, links to folders too, which are not followed."""
    for root, folders, names in os.walk(folder, onerror=errors.append):
        folders[:] = [name for name in folders if not is_unasked(name)]
        yield from (os.path.join(root, name) for name in [*folders, *names] if not is_unasked(name))


def _is_within(home: str, path: str) -> bool:
    return path == home or path.startswith(home.rstrip("/") + "/")


def _seen_from(folder: Path, path: str) -> str:
    return Path(path).relative_to(folder).as_posix()


def printable(path: str) -> str:
    """A path as it can be shown: with marks for bytes that are not UTF-8 and for what would steer a terminal."""
    text = os.fsencode(path).decode(errors="replace")
    return "".join("\ufffd" if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") else letter for letter in text)  # fmt: skip


def reason(error: OSError) -> str:
    return error.strerror or "cannot be opened"


@contextmanager
def opened(path: Path, within: Path | None = None) -> Iterator[BufferedReader]:
    """The file, which stands in that folder now, whatever it was when it was found. Raises OSError."""
    with open(path, "rb", opener=_without_waiting) as stream:
        own = os.fstat(stream.fileno())
        if not stat.S_ISREG(own.st_mode):
            raise OSError(None, "is not a file any more")
        real = os.path.realpath(path)
        if within and not (
            _is_within(os.path.realpath(within), real) and os.path.samestat(own, os.stat(real))
        ):
            raise OSError(None, LEADS_OUT)
        yield stream


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe that took a file's place would have us wait


@contextmanager
def copied(stream: IO[bytes], name: str) -> Iterator[File]:
    """A copy of it: what someone writes to the file meanwhile cannot part what is stored from its checksum.

    Raises UnreadableFile for one that is larger than what may be uploaded.
    """
    most = max_upload_bytes()
    if os.fstat(stream.fileno()).st_size > most:
        raise UnreadableFile("too_large")
    with TemporaryFile(prefix="ragsite-copy-") as copy:
        stream.seek(0)
        shutil.copyfileobj(stream, copy, PIECE)
        file: Any = File(copy, name=name)
        file.size = copy.tell()
        copy.seek(0)
        yield file
