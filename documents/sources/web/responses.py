"""Reads the response of a site: its status, its headers, and the page itself into a file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import IO

import httpcore2

from documents.extraction import UnreadableFile
from documents.sources.web import naming
from documents.sources.web.addresses import Address
from documents.sources.web.failures import SiteUnavailable
from documents.sources.web.recoding import in_utf8

MAX_WAIT = timedelta(days=1)  # of a Retry-After header
CHUNK_SIZE = 64 * 1024
GZIP_OR_ZLIB = zlib.MAX_WBITS | 32  # detects the format from the header
UNSUPPORTED_ENCODINGS = ("br", "zstd", "compress", "x-compress", "dcb", "dcz")
GZIP_SIGNATURE = b"\x1f"
TEMPORARY_ERRORS = (408, 421, 425, 429)
MEDIA_TYPES_WITHOUT_TEXT = ("image/", "audio/", "video/", "font/")


@dataclass
class FetchedPage:
    """The page at an address, in a file, with its validators. Without a file the page is unchanged."""

    url: str
    file: IO[bytes] | None = None
    size: int = 0
    name: str = ""
    etag: str = ""
    last_modified: str = ""


def decode_header(value: bytes) -> str:
    """The value of a header. Like browsers, accepts addresses in UTF-8, which the standard does not allow."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def raise_for_status(status: int, headers: dict[str, str]) -> None:
    """Raise SiteUnavailable or UnreadableFile unless the response contains a page."""
    if status in (200, 203):
        return
    if status in TEMPORARY_ERRORS or status >= 500:
        raise SiteUnavailable(
            "page_busy" if status in (429, 503) else "page_fault",
            str(status),
            not_before=retry_after(headers.get("retry-after", "")),
        )
    if status in (404, 410):
        raise UnreadableFile("page_gone")
    if status in (401, 403, 407):
        raise UnreadableFile("page_sign_in")
    raise UnreadableFile("page_refused")


def retry_after(value: str) -> datetime | None:
    """The time in a Retry-After header, given in seconds or as a date; at most a day from now."""
    now = datetime.now(UTC)
    try:
        wait = timedelta(seconds=int(value)) if value.isdigit() else parsedate_to_datetime(value) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return now + min(wait, MAX_WAIT) if wait > timedelta() else None


def read_page(
    response: httpcore2.Response, headers: dict[str, str], address: Address, file: IO[bytes], max_bytes: int
) -> FetchedPage:
    """Read the body into the file. Raises UnreadableFile if it is too large or no document."""
    media_type = headers.get("content-type", "")
    _check(media_type, headers.get("content-length", ""), max_bytes)
    size = 0
    file.seek(0)
    file.truncate()
    encoded = within(response.iter_stream(), max_bytes)
    for chunk in within(decoded(encoded, headers.get("content-encoding", "")), max_bytes):
        size += file.write(chunk)
    file.flush()
    if encoding := naming.foreign_encoding(media_type):
        size = in_utf8(file, encoding, max_bytes)
    return FetchedPage(
        address.text,
        file,
        size,
        naming.file_name(address, media_type, start_of(file)),
        etag=storable(headers.get("etag", ""), 300),
        last_modified=storable(headers.get("last-modified", ""), 100),
    )


def _check(media_type: str, declared_size: str, max_bytes: int) -> None:
    """Raise UnreadableFile if the headers already say that the body is too large or no document."""
    if media_type.lower().startswith(MEDIA_TYPES_WITHOUT_TEXT):
        is_image = media_type.lower().startswith("image/")
        raise UnreadableFile("unsupported", format="image") if is_image else UnreadableFile("unsupported")
    if declared_size.isdigit() and int(declared_size) > max_bytes:
        raise UnreadableFile("page_large")


def start_of(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(4096)


def within(chunks: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """The same chunks. Raises UnreadableFile once they exceed the limit."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise UnreadableFile("page_large")
        yield chunk


def decoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Decompress the body in chunks of limited size, whatever a few bytes expand to."""
    encoding = encoding.strip().lower()
    if encoding in UNSUPPORTED_ENCODINGS or "," in encoding:  # none of them was accepted in the request
        raise UnreadableFile("page_refused")
    if encoding not in ("gzip", "x-gzip", "deflate"):  # some sites send "utf-8", which browsers ignore
        yield from chunks
        return
    is_empty, decompressor = True, zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        for chunk in chunks:
            rest, is_empty = chunk, False
            while rest:
                if decompressor.eof:
                    if not rest.startswith(GZIP_SIGNATURE):  # padding, which browsers ignore
                        return
                    decompressor = zlib.decompressobj(GZIP_OR_ZLIB)
                yield decompressor.decompress(rest, CHUNK_SIZE)
                rest = decompressor.unused_data or decompressor.unconsumed_tail
    except zlib.error:
        raise SiteUnavailable("page_broken_off", "invalid compressed data") from None
    if not (decompressor.eof or is_empty):
        raise SiteUnavailable("page_broken_off", "incomplete compressed data")


def storable(value: str, max_length: int) -> str:
    """The header's value if it is safe to send back later, else ""."""
    return value if len(value) <= max_length and value.isascii() and value.isprintable() else ""
