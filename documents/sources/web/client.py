"""Fetches a page into a temporary file with GET, following redirects and one meta refresh."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from tempfile import NamedTemporaryFile
from typing import IO, Any

import httpcore2

from documents.extraction import UnreadableFile
from documents.sources.web.addresses import Address, Networks
from documents.sources.web.failures import SiteUnavailable
from documents.sources.web.meta_refresh import refresh_target
from documents.sources.web.network import Deadline, PublicNetwork
from documents.sources.web.responses import FetchedPage, decode_header, raise_for_status, read_page

MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 20.0
TOTAL_SECONDS = 60.0
USER_AGENT = "ragsite (fetches single pages that a person asked for)"
ACCEPT = "text/html,application/xhtml+xml,application/pdf,text/*;q=0.9,*/*;q=0.5"
REDIRECTS = (301, 302, 303, 307, 308)


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
    """The page; its file is deleted after the block. With `etag` or `last_modified` the request is conditional.

    `check` is called about every second during the transfer and may raise to stop it.
    Raises UnreadableFile for permanent failures, SiteUnavailable for temporary ones.
    """
    deadline = Deadline(TOTAL_SECONDS, check)
    conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    with NamedTemporaryFile(prefix="ragsite-page-") as file:
        with translated_errors(), new_pool(allowed, deadline) as pool:
            page = _fetch(pool, Address.parse(url), conditions, file, max_bytes)
            if target := _refresh_target(page):
                page = _fetch(pool, target, {}, file, max_bytes)
                # The validators belong to the target, not to the page that is requested next time.
                page.etag = page.last_modified = ""
        file.seek(0)
        yield page


def new_pool(allowed: Networks, deadline: Deadline) -> httpcore2.ConnectionPool:
    """A pool without proxies or certificates from the environment, without cookies and keep-alive."""
    network = PublicNetwork(allowed, deadline)
    return httpcore2.ConnectionPool(
        ssl_context=tls(), network_backend=network, max_connections=1, max_keepalive_connections=0
    )


@cache
def tls() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


def _refresh_target(page: FetchedPage) -> Address | None:
    """The target of the page's meta refresh, checked like any address."""
    is_html = page.file is not None and page.name.endswith(".html")
    return refresh_target(page.file, Address.parse(page.url)) if is_html and page.file else None


def _fetch(
    pool: httpcore2.ConnectionPool,
    address: Address,
    conditions: dict[str, str],
    file: IO[bytes],
    max_bytes: int,
) -> FetchedPage:
    for _redirects in range(MAX_REDIRECTS + 1):
        with pool.stream(
            "GET", address.text, headers=request_headers(address, conditions), extensions=TIMEOUTS
        ) as response:
            received = {
                name.decode("latin-1").lower(): decode_header(value) for name, value in response.headers
            }
            if response.status in REDIRECTS and received.get("location"):
                address = address.follow(received["location"])
                continue
            if response.status == 304 and any(conditions.values()):
                return FetchedPage(address.text)
            raise_for_status(response.status, received)
            return read_page(response, received, address, file, max_bytes)
    raise UnreadableFile("page_loop")


TIMEOUTS: dict[str, Any] = {
    "timeout": {"connect": CONNECT_SECONDS, "read": IDLE_SECONDS, "write": IDLE_SECONDS, "pool": IDLE_SECONDS}
}


def request_headers(address: Address, conditions: dict[str, str]) -> list[tuple[str, str]]:
    values = {
        "Host": address.authority,
        "User-Agent": USER_AGENT,
        "Accept": ACCEPT,
        "Accept-Encoding": "gzip",
        "Connection": "close",
        **conditions,
    }
    return [(name, value) for name, value in values.items() if value]


@contextmanager
def translated_errors() -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise SiteUnavailable("page_timeout", type(error).__name__) from None
    except httpcore2.ConnectError as error:
        if isinstance(error.__cause__ or error.__context__, ssl.SSLCertVerificationError):
            raise UnreadableFile("page_certificate") from None
        raise SiteUnavailable("page_unreachable", type(error).__name__) from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise SiteUnavailable("page_broken_off", type(error).__name__) from None
