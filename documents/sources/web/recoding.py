"""Texts in encodings that only their site's word tells, which a stored file does not keep: they are kept in UTF-8."""

import codecs
import shutil
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

from documents.extraction import UnreadableFile
from documents.extraction.text.encodings import BYTE_ORDER_MARKS, is_single_byte

PIECE = 64 * 1024


def in_utf8(file: IO[bytes], encoding: str, max_bytes: int) -> int:
    """Recode the file, a piece at a time, and return its new size; what is UTF-8 against its site's word stays as it is.

    Raises UnreadableFile where it becomes too large.
    """
    if _is_marked(file) or (is_single_byte(encoding) and _is_in_utf8(file)):
        return file.seek(0, 2)
    with TemporaryFile(prefix="ragsite-page-") as copy:
        size = copy.write(codecs.BOM_UTF8)
        for piece in _recoded(file, encoding):
            size += len(piece)
            if size > max_bytes:
                raise UnreadableFile("page_large")
            copy.write(piece)
        for stream in (copy, file):
            stream.seek(0)
        file.truncate()
        shutil.copyfileobj(copy, file, PIECE)
    file.flush()
    return size


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


def _recoded(file: IO[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for piece in _pieces(file):
        yield decoder.decode(piece).encode(errors="replace")
    yield decoder.decode(b"", final=True).encode(errors="replace")


def _is_marked(file: IO[bytes]) -> bool:
    """Whether the file itself tells its encoding, which goes before what its site says."""
    file.seek(0)
    return file.read(4).startswith(tuple(BYTE_ORDER_MARKS))


def _is_in_utf8(file: IO[bytes]) -> bool:
    """Whether it has letters beyond ASCII, and each of them is one of UTF-8: by chance that is next to impossible."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    try:
        for piece in _pieces(file):
            decoder.decode(piece)
            is_ascii = is_ascii and piece.isascii()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return not is_ascii
