"""Measure pages: wall time, CPU and queries of each; the idle site; the start; bytes of scripts and styles.

python -m bench.pages [--quick] [--paint]

One operator with 8 documents and 10 conversations reads pages one after the other over one connection. CPU is that of
the web process; the database's comes on top. `--paint` adds the first contentful paint in Chromium.
"""

import argparse
import gzip
import http.client
import json
import re
import statistics
import time
from dataclasses import dataclass
from typing import Any

from bench.harness import Person, Site, processes

NAME = "reader"
CONVERSATIONS = 10
PAGES = {
    "home": "/",
    "documents": "/documents/",
    "conversation": "/c/1/",
    "conversations": "/c/",
    "activity": "/operations/activity/",
    "poll for changes": "/documents/changes/",
    "sign-in": "/account/login/",
}
WARM_UP = 15
IDLE = ("web", "worker", "clock", "postgres", "redis")

FILL = """
from documents.models import Collection, Document
from qa.models import Conversation, Question
from ragsite.accounts.models import User
user = User.objects.get(username={name!r})
collection = Collection.objects.private_to(user)
for n in range(8):
    parts = [f"# Part {{part}}\\n\\nShelf {{part}} of hall {{n}} holds {{part * 7}} boxes since {{1900 + part}}." for part in range(1, 40)]
    document, _is_new = Document.objects.add_text(collection, f"Hall {{n}}", "\\n\\n".join(parts), user=user)
    document.index()
    Document.objects.filter(pk=document.pk).update(summary=f"What stands in hall {{n}}.", summary_state="")
    document.tasks.update(state="done")
for n in range({conversations}):
    conversation = Conversation.objects.create(user=user, title=f"What is on shelf {{n}}?")
    Question.objects.create(conversation=conversation, text=conversation.title, answer="Boxes.", state="complete", kind="quoted")
"""

# Ready documents in the same collection, without their texts.
ADD = """
from documents.models import Collection, Document, Version
from ragsite.accounts.models import User
user = User.objects.get(username={name!r})
shared = {{"collection": Collection.objects.private_to(user), "uploaded_by": user, "state": "ready", "chunk_count": 1}}
documents = Document.objects.bulk_create(
    Document(title=f"Record {{n}}", sha256=f"record {{n}}", summary=f"Of record {{n}}.", **shared) for n in range({count})
)
versions = Version.objects.bulk_create(
    Version(document=document, number=1, file_name="a.txt", media_type="text/plain", size=9, sha256=document.sha256, page_count=2)
    for document in documents
)
for document, version in zip(documents, versions):
    document.serving = version
Document.objects.bulk_update(documents, ["serving"], batch_size=2000)
"""

QUERIES = """
import json
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from ragsite.accounts.models import User
found = {{}}
for page, path in {pages!r}.items():
    client = Client(headers={{"host": "localhost"}})
    if page != "sign-in":
        client.force_login(User.objects.get(username={name!r}))
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        client.get(path)
    found[page] = len(seen)
print(json.dumps(found))
"""


@dataclass
class Times:
    """Milliseconds a request: wall time, and CPU of the web process."""

    p50: float
    p95: float
    cpu: float


class Connection:
    """A person's requests over one kept-alive connection; without a person those of a visitor."""

    def __init__(self, site: Site, person: Person | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        self.headers = {"Accept-Encoding": "gzip"} | (person.headers if person else {})

    def get(self, path: str) -> tuple[bytes, http.client.HTTPMessage]:
        """The body as it was sent, and the headers."""
        self.connection.request("GET", path, headers=self.headers)
        response = self.connection.getresponse()
        body = response.read()
        assert response.status < 300, f"{path}: {response.status} {body[:300]!r}"
        return body, response.headers


def measure_page(site: Site, connection: Connection, path: str, requests: int) -> Times:
    for _ in range(WARM_UP):
        connection.get(path)
    took, before = [], site.cpu_seconds("web")
    for _ in range(requests):
        began = time.perf_counter()
        connection.get(path)
        took.append((time.perf_counter() - began) * 1000)
    cpu = (site.cpu_seconds("web") - before) / requests * 1000
    return Times(statistics.median(took), sorted(took)[int(requests * 0.95)], cpu)


def idle_shares(site: Site, seconds: float) -> dict[str, float]:
    """Percent of a core that each line of the Procfile, and each server, takes while nobody asks for anything."""
    before = {name: site.cpu_seconds(name) for name in IDLE}
    time.sleep(seconds)
    return {name: (site.cpu_seconds(name) - before[name]) / seconds * 100 for name in IDLE}


def packed_bytes(connection: Connection) -> dict[str, int]:
    """Bytes of the scripts and styles of the ask page, as they are sent."""
    body, headers = connection.get("/")
    page = (gzip.decompress(body) if headers["Content-Encoding"] == "gzip" else body).decode()
    paths = re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+\.(?:js|css))"', page)
    return {path.rpartition("/")[2]: len(connection.get(path)[0]) for path in paths}


def start_seconds(site: Site) -> float:
    """Seconds until a new web process answers."""
    site.have("web", 0)
    began = time.perf_counter()
    site.have("web", 1)
    return time.perf_counter() - began


def first_paint(site: Site, person: Person) -> float:
    """Milliseconds to the first contentful paint of the ask page in Chromium, the third time it is opened."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context()
        context.add_cookies([{"name": name, "value": value, "url": site.url} for name, value in person.cookies.items()])  # fmt: skip
        page = context.new_page()
        for _ in range(3):
            page.goto(site.url)
            page.wait_for_timeout(500)
        script = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        return float(page.evaluate(script))


def measure(site: Site, *, requests: int = 100, many: int = 10_000, idle_seconds: float = 30) -> dict[str, Any]:  # fmt: skip
    """Fill an empty site and measure it. Keys: pages (of Times), queries, idle, packed, memory, start."""
    reader = site.sign_in(NAME, operating=True)
    site.shell(FILL.format(name=NAME, conversations=CONVERSATIONS))
    found: dict[str, Any] = {"queries": json.loads(site.shell(QUERIES.format(name=NAME, pages=PAGES)))}
    found["start"] = start_seconds(site)
    found["idle"] = idle_shares(site, idle_seconds)
    found["memory"] = [processes.rss_megabytes(site.pids("web"))]
    connection, visitor = Connection(site, reader), Connection(site)
    found["packed"] = packed_bytes(connection)
    found["pages"] = {
        name: measure_page(site, visitor if name == "sign-in" else connection, path, requests)
        for name, path in PAGES.items()
    }
    site.shell(ADD.format(name=NAME, count=many))
    connection = Connection(site, reader)  # the first one was closed while nothing was asked
    found["pages"][f"list of {many:,}"] = measure_page(site, connection, PAGES["documents"], requests // 2)
    found["memory"].append(processes.rss_megabytes(site.pids("web")))
    return found


def report(found: dict[str, Any]) -> None:
    print(f"{'page':20}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'queries':>9}")
    for name, page in found["pages"].items():
        print(f"{name:20}{page.p50:9.1f}{page.p95:9.1f}{page.cpu:9.1f}{found['queries'].get(name, ''):>9}")
    shares = ", ".join(f"{name} {share:.2f}" for name, share in found["idle"].items())
    print(f"idle: {sum(found['idle'].values()):.2f} % of a core ({shares})")
    idle, after = found["memory"]
    print(f"web process: answers after {found['start']:.2f} s; {idle:.0f} MB idle, {after:.0f} MB after these pages")  # fmt: skip
    print(f"scripts and styles of the ask page: {sum(found['packed'].values()):,} bytes, {len(found['packed'])} files")  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="fewer requests, documents and seconds")
    arguments.add_argument("--paint", action="store_true", help="also the first contentful paint")
    options = arguments.parse_args()
    sizes: dict[str, int] = {"requests": 30, "many": 2_000, "idle_seconds": 10} if options.quick else {}
    with Site() as site:
        report(measure(site, **sizes))
        if options.paint:
            print(f"first contentful paint: {first_paint(site, site.sign_in(NAME)):.0f} ms")


if __name__ == "__main__":
    main()
