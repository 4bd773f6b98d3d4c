"""A signed-in person's browser, as far as asking goes: it sends a question as the page does and reads the stream.

Hand-made HTTP, since a client library would cost more than the site that it measures.
"""

import asyncio
import re
import resource
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from bench.harness.person import Person

SECONDS = 120  # for one answer
STREAM = re.compile(rb'sse-connect="([^"]+)"')
FINISHED = re.compile(rb"data-finished=\"(\w+)\"")
FAILED = (b"failed", b"interrupted", b"unfinished", b"stopped")


@dataclass
class Asked:
    """When the parts of one answer arrived, by the monotonic clock; 0 for a part that did not. `error` says what went wrong."""

    began: float
    page: float = 0.0
    first_token: float = 0.0
    final: float = 0.0
    ended: float = 0.0
    error: str = ""
    text: list[bytes] = field(default_factory=list)


@dataclass
class Response:
    status: int
    headers: dict[bytes, bytes]
    body: bytes = b""


class Browser:
    """Keeps one connection to the site, as browsers do, and the person's session."""

    def __init__(self, person: Person) -> None:
        self.port, self.cookies = person.port, person.headers["Cookie"]
        self.token = person.cookies["ragsite_csrf"]

    async def ask(self, question: str) -> Asked:
        """Ask as the home page does and read the answer to its end."""
        asked = Asked(time.monotonic())
        try:
            async with asyncio.timeout(SECONDS):
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
                await self._ask(question, asked)
                self.writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            asked.error = asked.error or type(error).__name__
        asked.ended = time.monotonic()
        return asked

    async def _ask(self, question: str, asked: Asked) -> None:
        page = await self._post("/ask/", {"text": question, "csrfmiddlewaretoken": self.token})
        if page.status in (301, 302):
            page = await self._get(page.headers[b"location"].decode())
        asked.page = time.monotonic()
        if page.status != 200:
            asked.error = f"status {page.status}"
        elif found := STREAM.search(page.body):
            await self._follow(found[1].decode(), asked)
        elif found := FINISHED.search(page.body):  # the answer was there already
            asked.first_token = asked.final = asked.page
            asked.error = found[1].decode() if found[1] in FAILED else ""
        else:
            asked.error = "no answer in the page"

    async def _follow(self, path: str, asked: Asked) -> None:
        self._send("GET", path, "Accept: text/event-stream\r\n")
        head = await self._head()
        if head.status != 200:
            asked.error = f"stream {head.status}"
            return
        kept = b""
        while chunk := await self._chunk():
            kept += chunk
            *events, kept = kept.split(b"\n\n")
            for event in events:
                self._note(event, asked)
        if not asked.final and not asked.error:
            asked.error = "no final answer"

    def _note(self, event: bytes, asked: Asked) -> None:
        if event.startswith(b"event: token"):
            asked.first_token = asked.first_token or time.monotonic()
            asked.text.append(event)
        elif event.startswith(b"event: final"):
            asked.final = time.monotonic()
            asked.first_token = asked.first_token or asked.final
            if (found := FINISHED.search(event)) and found[1] in FAILED:
                asked.error = found[1].decode()

    async def _get(self, path: str) -> Response:
        self._send("GET", path)
        return await self._whole()

    async def _post(self, path: str, values: dict[str, str]) -> Response:
        body = urlencode(values)
        kind = "Content-Type: application/x-www-form-urlencoded\r\nHX-Request: true\r\n"
        self._send("POST", path, f"{kind}Content-Length: {len(body)}\r\n", body)
        return await self._whole()

    def _send(self, method: str, path: str, headers: str = "", body: str = "") -> None:
        head = f"{method} {path.partition('#')[0]} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookies}\r\n"
        self.writer.write(f"{head}{headers}\r\n{body}".encode())

    async def _whole(self) -> Response:
        response = await self._head()
        if response.headers.get(b"transfer-encoding") == b"chunked":
            while part := await self._chunk():
                response.body += part
        else:
            response.body = await self.reader.readexactly(int(response.headers.get(b"content-length", 0)))
        return response

    async def _head(self) -> Response:
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).rstrip().split(b"\r\n")
        pairs = (line.partition(b": ") for line in lines)
        return Response(int(first.split(b" ")[1]), {name.lower(): value for name, _colon, value in pairs})

    async def _chunk(self) -> bytes:
        """Return the next chunk of a chunked body; b"" at its end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]


def allow_many_files() -> None:
    """Allow as many open connections as the machine does."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
