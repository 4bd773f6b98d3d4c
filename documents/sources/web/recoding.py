"""Converts texts to UTF-8 if only the HTTP header, which is not stored, names their encoding."""

import codecs
import shutil
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

from documents.extraction import UnreadableFile
from documents.extraction.text.encodings import BYTE_ORDER_MARKS, is_single_byte

CHUNK_SIZE = 64 * 1024


def in_utf8(file: IO[bytes], encoding: str, max_bytes: int) -> int:
    """Convert the file in chunks and return its new size. A file that is UTF-8 despite the header stays as it is.

    Raises UnreadableFile if it becomes too large.
    """
    if _has_bom(file) or (is_single_byte(encoding) and _is_utf8(file)):
        return file.seek(0, 2)
    with TemporaryFile(prefix="ragsite-page-") as copy:
        size = copy.write(codecs.BOM_UTF8)
        for chunk in _recoded(file, encoding):
            size += len(chunk)
            if size > max_bytes:
                raise UnreadableFile("page_large")
            copy.write(chunk)
        for stream in (copy, file):
            stream.seek(0)
        file.truncate()
        shutil.copyfileobj(copy, file, CHUNK_SIZE)
    file.flush()
    return size


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK_SIZE):
        yield chunk


def _recoded(file: IO[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for chunk in _chunks(file):
        yield decoder.decode(chunk).encode(errors="replace")
    yield decoder.decode(b"", final=True).encode(errors="replace")


def _has_bom(file: IO[bytes]) -> bool:
    """Whether the file has a byte order mark, which wins over the header."""
    file.seek(0)
    return file.read(4).startswith(tuple(BYTE_ORDER_MARKS))


def _is_utf8(file: IO[bytes]) -> bool:
    """Whether the file is valid UTF-8 with non-ASCII characters, which is next to impossible by chance."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    try:
        for chunk in _chunks(file):
            decoder.decode(chunk)
            is_ascii = is_ascii and chunk.isascii()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return not is_ascii
