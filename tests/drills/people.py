"""A person with a browser, as far as HTTP goes: signs in, uploads, asks, reads the stream."""

from __future__ import annotations

import http.client
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import urlencode
from uuid import uuid4

PASSWORD = "correct horse battery"


@dataclass
class Answer:
    """What came back; `status` is 0 when the connection broke."""

    status: int
    headers: dict
    body: bytes
    seconds: float

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Event:
    kind: str
    body: str
    at: float
    id: str = ""


@dataclass
class Followed:
    """What a reader of one answer was told, and when."""

    status: int
    began: float
    events: list[Event] = field(default_factory=list)

    @property
    def streamed(self):
        return "".join(event.body for event in self.events if event.kind == "token")

    @property
    def last_id(self):
        return next((event.id for event in reversed(self.events) if event.id), "")

    @property
    def final(self):
        return next((event.body for event in self.events if event.kind == "final"), "")

    @property
    def final_after(self):
        return next((event.at - self.began for event in self.events if event.kind == "final"), float("inf"))


class Person:
    """One browser session. Safe to use from several threads once signed in."""

    def __init__(self, stage):
        self.stage = stage
        self.host, self.port = "127.0.0.1", stage.port
        self.cookies = {}

    def sign_in(self, name):
        self.get("/account/login/")
        answer = self.post("/account/login/", {"username": name, "password": PASSWORD})
        assert answer.status == 302, f"{name} could not sign in: {answer.status} {answer.text[:500]}"
        return self

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, values, **headers):
        body = urlencode(values, doseq=True).encode()
        return self.request(
            "POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", **headers}
        )

    def request(self, method, path, body=None, headers=None, timeout=60):
        """Never raises for a server that is away: that is an answer of status 0."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        began = time.monotonic()
        try:
            connection.request(method, path, body, self._headers(headers or {}))
            response = connection.getresponse()
            content = response.read()
            self._keep_cookies(response)
            return Answer(response.status, dict(response.getheaders()), content, time.monotonic() - began)
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, {}, repr(error).encode(), time.monotonic() - began)
        finally:
            connection.close()

    def _headers(self, headers):
        own = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if token := self.cookies.get("ragsite_csrf"):
            own["X-CSRFToken"] = token
        return {**own, **headers}

    def _keep_cookies(self, response):
        for line in response.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies = {**self.cookies, name: value}

    # documents

    def upload(self, files):
        """Several files in one form, as the upload tray sends it."""
        return self._send_files("/documents/upload/", "files", files)

    def replace(self, pk, name, content):
        """A new content for a document."""
        return self._send_files(f"/documents/{pk}/replace/", "file", {name: content})

    def _send_files(self, path, field_name, files):
        boundary = uuid4().hex
        parts = [
            b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n%s\r\n"
            % (boundary.encode(), field_name.encode(), name.encode(), content)
            for name, content in files.items()
        ]
        body = b"".join(parts) + b"--%s--\r\n" % boundary.encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": "application/json"}
        return self.request("POST", path, body, headers)

    def upload_each(self, files, at_once=2):
        """A request for each file, as the tray does; gives the answers."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(lambda item: self.upload(dict([item])), files.items()))

    def document(self, name):
        """The number of an uploaded document."""
        return self.stage.value("select document_id from documents_version where file_name = %s", name)

    def add_ready(self, text, name, seconds=60):
        """Uploads a text and waits until it can be asked about."""
        from tests.drills.staging import until

        self.upload({name: text.encode() if isinstance(text, str) else text})
        pk = self.document(name)
        took = until(
            lambda: self.stage.value("select state from documents_document where id = %s", pk) == "ready",
            seconds,
        )
        assert took < seconds, f"{name} did not become ready"
        return pk

    # questions

    def ask(self, text, **values):
        """The number of the new question."""
        answer = self.post("/ask/", {"text": text, **values})
        found = re.search(r"/c/(\d+)/", answer.headers.get("Location", answer.headers.get("location", "")))
        assert found, f"not asked: {answer.status} {answer.text[:1000]}"
        return self.stage.value("select max(id) from qa_question where conversation_id = %s", int(found[1]))

    def follow(self, question, seconds=60, *, after="", leave_after=0):
        """The stream of an answer, to its end or to so many events; from the beginning or after that entry."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        began = time.monotonic()
        try:
            place = {"Last-Event-ID": after} if after else {}
            connection.request("GET", f"/questions/{question}/stream/", headers=self._headers(place))
            response = connection.getresponse()
            followed = Followed(response.status, began)
            if response.status == 200:
                followed.events.extend(islice(_events(response), leave_after or None))
            return followed
        finally:
            connection.close()

    def asked(self, text, **values):
        """Asks and follows; gives what was told and the question's number."""
        question = self.ask(text, **values)
        return self.follow(question), question

    def forget_rate_limit(self):
        """People type more slowly than drills: the count of questions a minute begins anew."""
        for key in self.stage.cache.scan_iter(match="*asked:*"):
            self.stage.cache.delete(key)


def _events(response):
    kind, lines, place = "", [], ""
    while raw := response.readline():
        line = raw.decode().rstrip("\r\n")
        if line.startswith("event:"):
            kind = line[6:].strip()
        elif line.startswith("id:"):
            place = line[3:].strip()
        elif line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and kind:
            yield Event(kind, "\n".join(lines), time.monotonic(), place)
            if kind == "done":
                return
            kind, lines = "", []
