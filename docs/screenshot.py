#!/usr/bin/env python3
"""Takes the README's pictures from a running site: `.venv/bin/python docs/screenshot.py ADDRESS`.

ADDRESS is what `bin/dev` prints: on a new site it carries the code for the first account, which is created (name and
password below, unless given). Uploads the handbook of the
tests, asks about it, opens the citation, and writes docs/screenshot.png and docs/screenshot-dark.png. Needs
requirements-test.txt (`bin/test` installs it) and a Chromium on PATH.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "tests" / "files" / "handbook.pdf"
QUESTION = "What does a student membership cost?"
SIZE = ViewportSize(width=1280, height=800)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 120_000
TRANSITION_MS = 600  # the panel slides in, colours change softly


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("site", nargs="?", default="http://localhost:8000")
    parser.add_argument("--username", default="ada")
    parser.add_argument("--password", default="correct-horse-battery")
    parser.add_argument("--into", type=Path, default=ROOT / "docs", metavar="FOLDER")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        # Chromium's sandbox does not run as root; only our own pages are opened here.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=find_browser(), args=options)
        base = urlsplit(arguments.site)._replace(path="", query="").geturl()
        page = browser.new_page(viewport=SIZE, color_scheme="light", base_url=base)
        page.set_default_timeout(PATIENCE_MS)
        sign_in(page, arguments.site, arguments.username, arguments.password)
        upload(page)
        ask(page)
        for scheme, name in (("light", "screenshot.png"), ("dark", "screenshot-dark.png")):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.wait_for_timeout(TRANSITION_MS)
            page.screenshot(path=arguments.into / name)
            print(arguments.into / name)
        browser.close()


def find_browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return found or sys.exit("No Chromium is found. (Debian: apt-get install chromium)")


def sign_in(page: Page, address: str, username: str, password: str) -> None:
    """As the operator: the first visit creates the account, a later one signs in with it."""
    page.goto(address)
    is_first = "/setup" in urlsplit(page.url).path
    page.fill("[name=username]", username)
    for name in ("password1", "password2") if is_first else ("password",):
        page.fill(f"[name={name}]", password)
    page.click("main button, form button >> nth=-1")
    page.wait_for_selector("[data-ask]")


def upload(page: Page) -> None:
    """Through the list's own form. A second run finds the document there already."""
    page.goto("/documents/")
    page.set_input_files("[data-upload] input[type=file]", DOCUMENT)
    title = page.locator(".document", has_text=DOCUMENT.stem).first
    title.wait_for()
    page.wait_for_function("() => !document.querySelector('.document[data-watch]')")


def ask(page: Page) -> None:
    """Waits for the last word, and opens the first source."""
    page.goto("/")
    page.fill("[data-ask] textarea", QUESTION)
    page.press("[data-ask] textarea", "Enter")
    page.wait_for_selector("article[data-finished=complete]")
    page.click(".answer-text a.cite >> nth=0")
    page.wait_for_selector("#panel mark")
    page.evaluate("document.activeElement?.blur()")
    page.mouse.move(0, 0)
    while (notice := page.locator(".toast button").first).is_visible():
        notice.click()
        page.wait_for_timeout(TRANSITION_MS)


if __name__ == "__main__":
    main()
