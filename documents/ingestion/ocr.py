"""The text of pages that are pictures, read by a program where one is installed: a task of its own, on a queue of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet

from documents.extraction import Heading, UnreadableFile
from documents.extraction.cleanup.clean_pages import CleanPage, RawPage, clean_pages
from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.ocr.engines import DPI, RAPIDOCR, OcrFailed, engine, ocr_page, usable_languages
from documents.extraction.ocr.merge import has_new_words, missing_lines
from documents.extraction.ocr.result import OcrResult
from documents.extraction.pdf.headings import relocate_headings
from documents.extraction.render.client import render_page
from documents.ingestion import passwords
from documents.ingestion.splitter import PAGE_BREAK
from documents.models import Attempt, Chunk, Document, Index, Page, State, Task, Version
from documents.models.index import IndexState
from documents.models.page import TRIED, Problem
from documents.models.task import Kind, Superseded, TaskState
from documents.page_report import report_of
from documents.work import shutdown

IS_PICTURE = Q(problem=Problem.NO_TEXT) | Q(
    problem=Problem.GARBLED, text=""
)  # the text of some garbled ones was kept
TURN_SECONDS = 30  # then what waits on the queue of documents comes first
STAMPED = "stamped"  # in a page's report: its few words look put onto a picture
PAUSE_SECONDS = 1
# Pixels of a page's longer side: A4 and letter paper at 200 dots an inch, up to A3; smaller pages larger than they are.
MIN_SIDE, MAX_SIDE = 2400, 3300


def is_wanted(version: Version) -> bool:
    """Whether pages of it are pictures that nobody has tried to read yet, and this machine can."""
    return bool(settings.OCR and engine() and unread(version).exists())


def are_pictures(pages: Sequence[Page]) -> bool:
    """Whether nothing but pictures is there: a stamp that stands on every page is no text to find anything by.

    One that stands on a single page may be: such a page is read as a picture too, but not waited for.
    """
    return not any(
        page.text.strip() and (page.problem != Problem.NO_TEXT or page.report.get(STAMPED)) for page in pages
    )


class Pictures(NamedTuple):
    """How far the reading of a version's pictures has come: `vain` and `slow` ones gave no text, `left` were not tried.

    `beyond`: of those left, how many are over the cap on a document's pages.
    """

    tried: int
    vain: int
    slow: int
    left: int
    beyond: int
    can_be_read: bool

    @property
    def wanted(self) -> int:
        return self.tried + self.left - self.beyond

    @property
    def is_switched_off(self) -> bool:
        return not settings.OCR


def pictures_of(version: Version) -> Pictures | None:
    """None where no page of it is a picture."""
    tried, slow = Q(report__has_key=TRIED), Q(report__not_recognised="timeout")
    counts = version.pages.aggregate(
        tried=Count("pk", filter=tried),
        vain=Count("pk", filter=IS_PICTURE & tried & Q(recognised="")),
        slow=Count("pk", filter=IS_PICTURE & tried & slow),
        left=Count("pk", filter=IS_PICTURE & ~tried),
        pictures=Count("pk", filter=IS_PICTURE),
    )
    if not counts.pop("pictures"):
        return None
    beyond = max(0, counts["left"] - max(settings.OCR_MAX_PAGES - counts["tried"], 0))
    is_any = bool(counts["vain"] or counts["left"] > beyond)
    return Pictures(**counts, beyond=beyond, can_be_read=bool(is_any and settings.OCR and engine()))


def unread(version: Version):  # type: ignore[no-untyped-def]
    """The pages still to be tried, in order, as far as the cap on a document's pages lets."""
    pictures = version.pages.filter(IS_PICTURE).order_by("number")
    room = settings.OCR_MAX_PAGES - version.pages.filter(report__has_key=TRIED).count()
    return pictures.exclude(report__has_key=TRIED)[: max(room, 0)]


def recognise(task: Task) -> None:
    """Read the pages that are pictures, one after the other, then have the document indexed with what they say.

    Each page is kept as soon as it is read: a second run goes on with the next, and gives way to other work after a while
    (Stopped). A page that cannot be read stays a picture. Raises UnreadableFile where no program is installed any more.
    """
    document = task.document
    if document is None or (version := document.newest) is None:
        raise Superseded
    languages = languages_there()
    began, tried = time.monotonic(), version.pages.filter(report__has_key=TRIED).count()
    pages = list(unread(version).defer("text", "runs", "word_places"))
    with (
        Attempt.objects.record(task, "recognise", task.job_under_way),
        version.local_path() as path,
        password_for(version) as password,
    ):
        for done, page in enumerate(pages):
            if done and time.monotonic() - began > TURN_SECONDS:
                raise shutdown.Stopped
            show(task, document, tried + done + 1, tried + len(pages))
            read(page, path, password, languages)
    hand_over(task, document, version)


@contextmanager
def password_for(version: Version) -> Iterator[str]:
    """What was handed over for reading this file. It stays there while pictures are left to be read."""
    if password := passwords.look(version):
        passwords.hand_over(version, password, passwords.KEEP_FOR_PICTURES_SECONDS)
    try:
        yield password
    except UnreadableFile:
        passwords.forget(version)
        raise
    passwords.forget(version)


def show(task: Task, document: Document, done: int, total: int) -> None:
    """How far it is, where nothing of the document can be found before. Raises Superseded, and Stopped between two pages."""
    shutdown.check()
    with transaction.atomic():
        if not task.claim():
            raise Superseded
        document.refresh_from_db(fields=["state", "serving"])
        if task.is_seen:
            document.move_to(State.RECOGNISING, done=done, total=total)


def languages_there() -> str:
    """Those of OCR_LANGUAGES that this machine has data for. Raises UnreadableFile where a program or all of them are missing."""
    if not (settings.OCR and engine()):  # it was there when this was asked for; another worker may have it
        raise picture_stays()
    there = usable_languages(settings.OCR_LANGUAGES)
    if not there and engine() != RAPIDOCR:
        raise UnreadableFile("no_language")
    return "+".join(there)


def read(page: Page, path: Path, password: str, languages: str) -> None:
    """Look for text in its picture, and note it with what came of it. Raises UnreadableFile for a password that is missing."""
    found, report = OcrResult(), page.report | {TRIED: engine()}
    try:
        found = looked_for(page, path, password, languages)
    except OcrFailed as error:
        report["not_recognised"] = str(error)
    Page.objects.filter(pk=page.pk).update(
        recognised=found.text, word_places=list(found.places), report=report
    )


def looked_for(page: Page, path: Path, password: str, languages: str) -> OcrResult:
    """What its picture says. Raises OcrFailed.

    A program that ended for no reason of the page's has a second try: perhaps all processes here are being killed.
    """
    try:
        return look(page, path, password, languages)
    except OcrFailed as error:
        if str(error) in ("timeout", "unsure"):
            raise
    time.sleep(PAUSE_SECONDS)
    shutdown.check()
    return look(page, path, password, languages)


def look(page: Page, path: Path, password: str, languages: str) -> OcrResult:
    picture = render_page(path.resolve(), page.number, width_of(page), password)
    if not picture:
        raise OcrFailed("no picture")
    found = ocr_page(picture, languages=languages, seconds=settings.OCR_PAGE_SECONDS)
    return found if has_new_words(found.text, "") else OcrResult()  # a figure or a word is no text of a page


def width_of(page: Page) -> int:
    """Of the picture that is read, in pixels."""
    width, height = page.size
    side = min(max(max(page.size) / 72 * DPI, MIN_SIDE), MAX_SIDE)
    return max(1, round(side * width / max(width, height)))


def hand_over(task: Task, document: Document, version: Version) -> None:
    """Have it indexed with what was read; where nothing was, and it answers already, nothing is embedded anew."""
    has_words = version.pages.exclude(problem="").exclude(recognised="").exists()
    with transaction.atomic():
        if not task.claim():
            raise Superseded
        task.finish()
        if not has_words and document.serving_id == version.pk and not document.is_moving:
            return
        for index in Index.objects.filter(state__in=[IndexState.LIVE, IndexState.BUILDING]):
            Task.objects.ask_for(Kind.INDEX, document, index)


def with_recognised(pages: Sequence[Page]) -> list[Page]:
    """Puts what was read in pictures into the pages, unsaved; gives those that changed, be it only in their place."""
    pictures = [page for page in pages if page.problem and page.recognised]
    cleaned, _running = clean_pages([RawPage(page.recognised or "") for page in pictures])
    read = dict(zip((page.pk for page in pictures), cleaned, strict=True))
    changed: list[Page] = []
    end_before, end = 0, 0
    for place, page in enumerate(pages):
        gap, end_before = page.start - end_before, page.start + len(page.text)
        found = read.get(page.pk)
        if is_read := found is not None and take(page, found):
            gap = len(PAGE_BREAK) if place else 0
        if is_read or page.start != end + gap:
            page.start = end + gap
            changed.append(page)
        end = page.start + len(page.text)
    return changed


def take(page: Page, found: CleanPage) -> bool:
    """The page says now what its picture says, and what only its own text said. False where the picture says too little.

    Where it says no more than a text of the page's own, that stays, being free of errors, and the page was no scan.
    """
    if not has_new_words(found.text, page.text):
        page.problem = "" if page.report.get(STAMPED) else page.problem
        return not page.problem
    page.problem = ""
    page.text = PAGE_BREAK.join(filter(None, (found.text, missing_lines(page.text, found.text))))
    page.headings = relocate_headings([Heading(*heading) for heading in page.headings], page.text)
    page.runs = found.runs
    page.report |= {"characters": solid_length(page.text), "engine": page.report[TRIED]}
    return True


def save(version: Version, pages: Sequence[Page], changed: Sequence[Page]) -> None:
    """What `with_recognised` changed. In the transaction that stores the chunks: their places count in the same text."""
    if changed:
        Page.objects.bulk_update(
            changed, ["text", "runs", "headings", "problem", "report", "start"], batch_size=200
        )
        version.report = report_of(pages, version.page_count or 0, version.metadata)
        version.save(update_fields=["report"])
        # The others are filled again before they answer: their places count in the text as it was.
        done = Q(tasks__document=version.document_id, tasks__kind=Kind.INDEX, tasks__state=TaskState.DONE)
        fitting = Index.objects.filter(Q(state=IndexState.LIVE) | Q(state=IndexState.BUILDING) & done)
        Chunk.objects.filter(version=version).exclude(index__in=fitting).delete()


def settle(versions: QuerySet[Version]) -> None:
    """Put what was read in their pictures into their pages now: in the transaction that makes an index live whose chunks have it."""
    for version in versions:
        pages = list(version.pages.order_by("number"))
        save(version, pages, with_recognised(pages))


def failure_without_text(version: Version) -> UnreadableFile:
    """Why nothing of it can be found: what it lacks, or what this site does."""
    if version.media_type != "application/pdf":
        return UnreadableFile("empty")
    problems = set(version.pages.filter(IS_PICTURE).values_list("problem", flat=True))
    if not problems:
        return UnreadableFile("empty")
    if version.pages.filter(report__has_key=TRIED).exists():
        return UnreadableFile("not_recognised")
    return picture_stays() if Problem.NO_TEXT in problems else UnreadableFile("garbled")


def picture_stays() -> UnreadableFile:
    """Why nobody looks for text in a picture: it is switched off, or no program is there."""
    return UnreadableFile("no_text" if settings.OCR else "pictures_off")
