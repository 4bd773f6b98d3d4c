"""Connects to public addresses only; each address is checked when the connection is made."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from ssl import SSLContext
from typing import Any

import httpcore2

from documents.extraction import UnreadableFile
from documents.sources.web.addresses import Networks, admits
from documents.sources.web.failures import SiteUnavailable

CHECK_SECONDS = 1.0
NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class Deadline:
    """A limit for the whole transfer, also if data keeps arriving slowly. `check` may raise to stop the transfer."""

    def __init__(self, seconds: float, check: Callable[[], None]) -> None:
        self.ends = time.monotonic() + seconds
        self.check = check
        self.checked_at = time.monotonic()

    def left(self, timeout: float | None) -> float:
        """The timeout, or the time left if that is shorter. Call it before each wait. Raises SiteUnavailable if no time is left."""
        if time.monotonic() - self.checked_at > CHECK_SECONDS:
            self.check()
            self.checked_at = time.monotonic()
        left = self.ends - time.monotonic()
        if left <= 0:
            raise SiteUnavailable("page_timeout", "total time")
        return left if timeout is None else min(left, timeout)


class PublicNetwork(httpcore2.NetworkBackend):
    """Resolves a name, refuses addresses that are not public, and connects to the checked address itself.

    This also covers redirects and names whose address changes between two lookups (DNS rebinding).
    """

    def __init__(self, allowed: Networks, deadline: Deadline) -> None:
        self.allowed = allowed
        self.deadline = deadline
        self.plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        found = resolve(host, port, self.deadline.left(timeout))
        admitted = [address for address in found if admits(ipaddress.ip_address(address), port, self.allowed)]
        if not admitted:
            raise UnreadableFile("page_private")
        for last, address in enumerate(admitted, 1):
            try:
                stream = self.plain.connect_tcp(address, port, self.deadline.left(timeout))
                return TimedStream(stream, self.deadline)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if last == len(admitted):
                    raise
        raise AssertionError("unreachable")

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        raise UnreadableFile("page_private")


class TimedStream(httpcore2.NetworkStream):
    """A connection on which no operation outlasts the deadline."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self.inner = inner
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, self.deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, self.deadline.left(timeout))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        stream = self.inner.start_tls(ssl_context, server_hostname, self.deadline.left(timeout))
        return TimedStream(stream, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


def resolve(host: str, port: int, seconds: float) -> list[str]:
    """The IP addresses of a host name, without duplicates. Raises SiteUnavailable if the lookup takes too long."""
    results: SimpleQueue[list[Any] | Exception] = SimpleQueue()
    # getaddrinfo has no timeout and ignores signals: a lookup that takes too long is left to its thread.
    threading.Thread(target=_look_up, args=(host, port, results), daemon=True).start()
    try:
        found = results.get(timeout=seconds)
    except Empty:
        raise SiteUnavailable("page_timeout", "DNS lookup timed out") from None
    if isinstance(found, Exception):
        raise _lookup_failure(found) from None
    return list(dict.fromkeys(str(sockaddr[0]) for *_rest, sockaddr in found))


def _look_up(host: str, port: int, results: SimpleQueue[list[Any] | Exception]) -> None:
    try:
        results.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    except Exception as error:
        results.put(error)


def _lookup_failure(error: Exception) -> Exception:
    """The failure of a page whose host name could not be resolved."""
    if isinstance(error, UnicodeError):
        return UnreadableFile("page_address")
    if not isinstance(error, socket.gaierror):
        return error
    if error.errno in NO_SUCH_NAME:
        return UnreadableFile("page_no_site")
    return SiteUnavailable("page_unreachable", "DNS lookup failed")
