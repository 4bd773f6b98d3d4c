"""Runs OCR on scanned pages, as a task on its own queue, and requests indexing with the text it found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from documents import shutdown
from documents.extraction import UnreadableFile
from documents.extraction.ocr.engines import DPI, RAPIDOCR, OcrFailed, engine, ocr_page, usable_languages
from documents.extraction.ocr.merge import has_new_words
from documents.extraction.ocr.result import OcrResult
from documents.extraction.render.client import render_page
from documents.ingestion import passwords
from documents.ingestion.ocr.status import is_available, ocr_unavailable, pending_pages, tried_pages
from documents.models import Attempt, Document, Index, Page, State, Task, Version
from documents.models.index import IndexState
from documents.models.page import OCR_ERROR, TRIED
from documents.models.task import Kind, Superseded

TURN_SECONDS = 30  # after which the tasks of the queue "documents" come first
PAUSE_SECONDS = 1
# Pixels of a page's longer side: A4 and letter at 200 dpi, up to A3. Smaller pages are enlarged.
MIN_SIDE, MAX_SIDE = 2400, 3300


def run_ocr(task: Task) -> None:
    """Run OCR on the scanned pages, one at a time, then request indexing with their text.

    Each page is saved at once, so that a second run continues with the next page. Raises Stopped after a while to
    let other tasks run, and UnreadableFile if no engine is installed any more. A page that fails stays a scan.
    """
    document = task.document
    if document is None or (version := document.newest) is None:
        raise Superseded
    languages = available_languages()
    started, tried = time.monotonic(), tried_pages(version)
    pages = list(pending_pages(version).defer("text", "runs", "word_places"))
    with (
        Attempt.objects.record(task, "ocr", task.job_under_way),
        version.local_path() as path,
        password_for(version) as password,
    ):
        for done, page in enumerate(pages):
            if done and time.monotonic() - started > TURN_SECONDS:
                raise shutdown.Stopped
            show_progress(task, document, tried + done + 1, tried + len(pages))
            run_on_page(page, path, password, languages)
    finish(task, document, version)


@contextmanager
def password_for(version: Version) -> Iterator[str]:
    """The stored password of the file; it is deleted once OCR has finished, or if it is wrong."""
    if password := passwords.get(version):
        passwords.store(version, password, passwords.OCR_TTL)
    try:
        yield password
    except UnreadableFile:
        passwords.delete(version)
        raise
    passwords.delete(version)


def show_progress(task: Task, document: Document, done: int, total: int) -> None:
    """Update the document's row where it is not searchable yet. Raises Superseded, and Stopped between two pages."""
    shutdown.check()
    with task.fence():
        document.refresh_from_db(fields=["state", "serving"])
        if task.is_seen:
            document.move_to(State.OCR, done=done, total=total)


def available_languages() -> str:
    """Those of OCR_LANGUAGES that this machine has data for. Raises UnreadableFile without an engine or languages."""
    if not is_available():  # another worker's machine may have the engine
        raise ocr_unavailable()
    languages = usable_languages(settings.OCR_LANGUAGES)
    if not languages and engine() != RAPIDOCR:
        raise UnreadableFile("no_language")
    return "+".join(languages)


def run_on_page(page: Page, path: Path, password: str, languages: str) -> None:
    """Save the page's OCR text and the outcome. Raises UnreadableFile if the password is missing."""
    found, report = OcrResult(), page.report | {TRIED: engine()}
    try:
        found = read_with_retry(page, path, password, languages)
    except OcrFailed as error:
        report[OCR_ERROR] = str(error)
    Page.objects.filter(pk=page.pk).update(ocr_text=found.text, word_places=list(found.places), report=report)


def read_with_retry(page: Page, path: Path, password: str, languages: str) -> OcrResult:
    """The page's OCR text. Raises OcrFailed.

    Retries once if the engine crashed: the machine may be killing all processes at the moment.
    """
    try:
        return read_page(page, path, password, languages)
    except OcrFailed as error:
        if str(error) in ("timeout", "unsure"):
            raise
    time.sleep(PAUSE_SECONDS)
    shutdown.check()
    return read_page(page, path, password, languages)


def read_page(page: Page, path: Path, password: str, languages: str) -> OcrResult:
    image = render_page(path.resolve(), page.number, render_width(page), password)
    if not image:
        raise OcrFailed("no image")
    found = ocr_page(image, languages=languages, seconds=settings.OCR_PAGE_SECONDS)
    # A number or a single word is not enough for a page's text.
    return found if has_new_words(found.text, "") else OcrResult()


def render_width(page: Page) -> int:
    """The width in pixels of the image for OCR."""
    width, height = page.size
    side = min(max(max(page.size) / 72 * DPI, MIN_SIDE), MAX_SIDE)
    return max(1, round(side * width / max(width, height)))


def finish(task: Task, document: Document, version: Version) -> None:
    """Request indexing with the OCR text; not if there is none and the document is searchable already."""
    has_text = version.pages.exclude(problem="").exclude(ocr_text="").exists()
    with task.fence():
        task.finish()
        if not has_text and document.serving_id == version.pk and not document.is_moving:
            return
        for index in Index.objects.filter(state__in=[IndexState.LIVE, IndexState.BUILDING]):
            Task.objects.request(Kind.INDEX, document, index)
