"""One GET, redirects followed, into a temporary file; a second one where the page only leads on to another."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from tempfile import NamedTemporaryFile
from typing import IO, Any

import httpcore2

from documents.extraction import UnreadableFile
from documents.sources.web import naming
from documents.sources.web.addresses import Address, Networks
from documents.sources.web.failures import SiteAway
from documents.sources.web.meta_refresh import leads_on
from documents.sources.web.network import Deadline, PublicNetwork
from documents.sources.web.recoding import in_utf8

MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 20.0
ALL_SECONDS = 60.0
MAX_WAIT = timedelta(days=1)  # that a site may ask for
PIECE = 64 * 1024
EITHER_KIND = zlib.MAX_WBITS | 32  # gzip or zlib, by its own mark
UNKNOWN_PACKINGS = ("br", "zstd", "compress", "x-compress", "dcb", "dcz")
GZIP_MARK = b"\x1f"
USER_AGENT = "ragsite (fetches single pages that a person asked for)"
ACCEPT = "text/html,application/xhtml+xml,application/pdf,text/*;q=0.9,*/*;q=0.5"
MOVED = (301, 302, 303, 307, 308)
PASSING = (408, 421, 425, 429)
NO_DOCUMENTS = ("image/", "audio/", "video/", "font/")


@dataclass
class FetchedPage:
    """What stands at the address: its bytes in a file, and what its site said of them. Without a file it is unchanged."""

    url: str
    file: IO[bytes] | None = None
    size: int = 0
    name: str = ""
    etag: str = ""
    last_modified: str = ""


@contextmanager
def fetch_page(
    url: str,
    *,
    max_bytes: int,
    allowed: Networks = (),
    etag: str = "",
    last_modified: str = "",
    check: Callable[[], None] = lambda: None,
) -> Iterator[FetchedPage]:
    """The page, until the block ends. With `etag` or `last_modified` of an earlier visit, its site may say that it is the same.

    `check` is called every second or so while the page comes; what it raises ends that.
    Raises UnreadableFile where another try would end the same way, SiteAway where it may not.
    """
    deadline = Deadline(ALL_SECONDS, check)
    conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    with NamedTemporaryFile(prefix="ragsite-page-") as file:
        with as_our_own_faults(), new_pool(allowed, deadline) as pool:
            page = _fetch(pool, Address.parse(url), conditions, file, max_bytes)
            if target := _led_on(page):
                page = _fetch(pool, target, {}, file, max_bytes)
                # What they say of it is no use: the page that was asked for is another one, with a date of its own.
                page.etag = page.last_modified = ""
        file.seek(0)
        yield page


def new_pool(allowed: Networks, deadline: Deadline) -> httpcore2.ConnectionPool:
    """No proxy and no certificates from the environment, no cookies, no connection that outlives its answer."""
    network = PublicNetwork(allowed, deadline)
    return httpcore2.ConnectionPool(
        ssl_context=tls(), network_backend=network, max_connections=1, max_keepalive_connections=0
    )


@cache
def tls() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


def _led_on(page: FetchedPage) -> Address | None:
    """Where a page sends those who open it, as a browser would go: once, and looked at like any address."""
    is_html = page.file is not None and page.name.endswith(".html")
    return leads_on(page.file, Address.parse(page.url)) if is_html and page.file else None


def _fetch(
    pool: httpcore2.ConnectionPool,
    address: Address,
    conditions: dict[str, str],
    file: IO[bytes],
    max_bytes: int,
) -> FetchedPage:
    for _redirects in range(MAX_REDIRECTS + 1):
        with pool.stream(
            "GET", address.text, headers=headers(address, conditions), extensions=TIMEOUTS
        ) as answer:
            said = {name.decode("latin-1").lower(): letters(value) for name, value in answer.headers}
            if answer.status in MOVED and said.get("location"):
                address = address.followed(said["location"])
                continue
            if answer.status == 304 and any(conditions.values()):
                return FetchedPage(address.text)
            refuse(answer.status, said)
            return _read(answer, said, address, file, max_bytes)
    raise UnreadableFile("page_loop")


TIMEOUTS: dict[str, Any] = {
    "timeout": {"connect": CONNECT_SECONDS, "read": IDLE_SECONDS, "write": IDLE_SECONDS, "pool": IDLE_SECONDS}
}


def headers(address: Address, conditions: dict[str, str]) -> list[tuple[str, str]]:
    values = {
        "Host": address.authority,
        "User-Agent": USER_AGENT,
        "Accept": ACCEPT,
        "Accept-Encoding": "gzip",
        "Connection": "close",
        **conditions,
    }
    return [(name, value) for name, value in values.items() if value]


def letters(value: bytes) -> str:
    """A header's value: an address in it may be written in UTF-8, as browsers take it, though it should not be."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def refuse(status: int, said: dict[str, str]) -> None:
    """Raises for every answer that holds no page."""
    if status in (200, 203):
        return
    if status in PASSING or status >= 500:
        raise SiteAway(
            "page_busy" if status in (429, 503) else "page_fault",
            str(status),
            not_before=retry_after(said.get("retry-after", "")),
        )
    if status in (404, 410):
        raise UnreadableFile("page_gone")
    if status in (401, 403, 407):
        raise UnreadableFile("page_sign_in")
    raise UnreadableFile("page_refused")


def retry_after(said: str) -> datetime | None:
    """When the site wants to be asked again: it says so in seconds or as a date; a day at the most."""
    now = datetime.now(UTC)
    try:
        wait = timedelta(seconds=int(said)) if said.isdigit() else parsedate_to_datetime(said) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return now + min(wait, MAX_WAIT) if wait > timedelta() else None


def _read(
    answer: httpcore2.Response, said: dict[str, str], address: Address, file: IO[bytes], max_bytes: int
) -> FetchedPage:
    media_type = said.get("content-type", "")
    if media_type.lower().startswith(NO_DOCUMENTS):
        is_picture = media_type.lower().startswith("image/")
        raise UnreadableFile("unsupported", format="picture") if is_picture else UnreadableFile("unsupported")
    declared = said.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise UnreadableFile("page_large")
    size = 0
    file.seek(0)
    file.truncate()
    packed = within(answer.iter_stream(), max_bytes)
    for piece in within(unpacked(packed, said.get("content-encoding", "")), max_bytes):
        size += file.write(piece)
    file.flush()
    if encoding := naming.foreign_encoding(media_type):
        size = in_utf8(file, encoding, max_bytes)
    return FetchedPage(
        address.text,
        file,
        size,
        naming.file_name(address, media_type, start_of(file)),
        etag=storable(said.get("etag", ""), 300),
        last_modified=storable(said.get("last-modified", ""), 100),
    )


def start_of(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(4096)


def within(pieces: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """The same, as long as it is not too much."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > max_bytes:
            raise UnreadableFile("page_large")
        yield piece


def unpacked(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The page itself, never more than a piece at a time, however much a few bytes unpack to."""
    encoding = encoding.strip().lower()
    if encoding in UNKNOWN_PACKINGS or "," in encoding:  # we asked for none
        raise UnreadableFile("page_refused")
    if encoding not in ("gzip", "x-gzip", "deflate"):  # as browsers do: some sites say "utf-8" here
        yield from pieces
        return
    is_empty, unpacker = True, zlib.decompressobj(EITHER_KIND)
    try:
        for piece in pieces:
            packed, is_empty = piece, False
            while packed:
                if unpacker.eof:
                    if not packed.startswith(GZIP_MARK):  # padding, which browsers pass over
                        return
                    unpacker = zlib.decompressobj(EITHER_KIND)
                yield unpacker.decompress(packed, PIECE)
                packed = unpacker.unused_data or unpacker.unconsumed_tail
    except zlib.error:
        raise SiteAway("page_broken_off", "not well packed") from None
    if not (unpacker.eof or is_empty):
        raise SiteAway("page_broken_off", "packed, and cut short")


def storable(value: str, longest: int) -> str:
    """A header's value as it may be sent back, or nothing."""
    return value if len(value) <= longest and value.isascii() and value.isprintable() else ""


@contextmanager
def as_our_own_faults() -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise SiteAway("page_timeout", type(error).__name__) from None
    except httpcore2.ConnectError as error:
        if isinstance(error.__cause__ or error.__context__, ssl.SSLCertVerificationError):
            raise UnreadableFile("page_certificate") from None
        raise SiteAway("page_unreachable", type(error).__name__) from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise SiteAway("page_broken_off", type(error).__name__) from None
