"""A signed-in person with a browser, as far as HTTP goes."""

import http.client
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import uuid4


@dataclass
class Reply:
    """What came back, and after how many seconds its last byte was here."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass
class Person:
    """One session. Each request has a connection of its own, so that several threads may share a person."""

    name: str
    port: int
    cookies: dict[str, str]
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.headers = {"Cookie": cookie, "X-CSRFToken": self.cookies["ragsite_csrf"]}

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, b"", headers)

    def post(self, path: str, values: dict[str, str], **headers: str) -> Reply:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", path, urlencode(values).encode(), form | headers)

    def upload(self, name: str, content: bytes) -> Reply:
        """Send one file as the upload tray does."""
        boundary = uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": "application/json"}
        return self.request("POST", "/documents/upload/", body, headers)

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        """One request and its whole answer; raises OSError when the site is away."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        started = time.perf_counter()
        try:
            connection.request(method, path, body or None, self.headers | headers)
            response = connection.getresponse()
            content = response.read()
            return Reply(response.status, dict(response.getheaders()), content, time.perf_counter() - started)
        finally:
            connection.close()
