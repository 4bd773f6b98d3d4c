"""Loads a PDF: follows the sandboxed children that read it, replaces crashed ones, and cleans the pages."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from documents.extraction.cleanup.clean_pages import clean_pages
from documents.extraction.errors import UnreadableFile
from documents.extraction.limits import CPU_SECONDS, CPU_SECONDS_OF_A_PAGE, MAX_PAGES
from documents.extraction.pages import Extraction
from documents.extraction.pdf.assembly import assemble_pages, plausible_title
from documents.extraction.raw_page import LOST, RawPage
from documents.extraction.sandbox.follow import (
    MAX_LOST_CHILDREN,
    Message,
    Progress,
    ReaderLost,
    SandboxedRead,
)
from ragsite.storable import storable_json

MAX_CRASHES = 4


def load(path: Path, password: str = "", on_progress: Progress | None = None) -> Extraction:
    """Read a PDF in sandboxed children. Raises UnreadableFile for problems that only a different file solves."""
    read = PdfRead(path, password, on_progress)
    read.run()
    return read.extraction()


class PdfRead(SandboxedRead):
    """One PDF as one or more children read it: the messages that arrived, and how each child ended."""

    def __init__(self, path: Path, password: str = "", on_progress: Progress | None = None) -> None:
        super().__init__(on_progress)
        self.path = path
        self.password = password
        self.document: Message | None = None
        self.pages: list[RawPage] = []
        self.crashes: list[str] = []
        self.crashed_at = -1

    @property
    def page_count(self) -> int:
        return int(self.document["pages"]) if self.document else 0

    def run(self) -> None:
        """Start children until one reaches the end, or until another one is not worth its cost."""
        while not self.is_finished and len(self.crashes) <= MAX_CRASHES and self._cpu_left() >= 1:
            if reason := self.follow_child(**self._request()):
                self._record_crash(reason)

    def _cpu_left(self) -> float:
        return CPU_SECONDS + CPU_SECONDS_OF_A_PAGE * self.page_count - self.used_cpu

    def _request(self) -> Message:
        return {
            "path": str(self.path.resolve()),
            "password": self.password,
            "start": len(self.pages),
            "has_structure": self.document is None and not self.crashes,
            "only_pypdf": len(self.crashes) == MAX_CRASHES,
            "careful": self.crashed_at,
            "cpu_seconds": self._cpu_left(),
            "cpu_total": self._cpu_left() if self.document else 0,
        }

    def accept(self, message: Message) -> None:
        kind = message.get("kind")
        if kind == "document" and self.document is None:
            self.document = message
            if self.page_count > MAX_PAGES:
                self._fail("limit")
        elif kind == "page" and message.get("index") == len(self.pages) < self.page_count:
            self._add_page(RawPage.from_message(message))
        elif kind == "failed":
            self._fail(str(message.get("reason")))
        elif kind == "done":
            self.is_finished = True

    def _record_crash(self, reason: str) -> None:
        """Leave the page at which this child crashed to pypdf in the next one, and skip a page that crashes both."""
        self.crashes.append(reason)
        if reason == "lost":
            if self.crashes.count("lost") == MAX_LOST_CHILDREN:
                raise ReaderLost
            return
        if self.document is None:
            return
        if len(self.pages) == self.crashed_at:
            self._add_page(RawPage("", engine="none", failure=reason))
        self.crashed_at = len(self.pages)
        self.is_finished = self.crashed_at >= self.page_count

    def _add_page(self, page: RawPage) -> None:
        self.pages.append(page)
        self.report_progress(len(self.pages), self.page_count)

    def _fail(self, reason: str) -> None:
        if reason == "protected":
            raise UnreadableFile("unsupported", is_protected=True)
        if reason == "xfa":
            raise UnreadableFile("unsupported", format="xfa")
        if reason == "password":
            raise UnreadableFile("password", was_given=bool(self.password))
        raise UnreadableFile(reason if reason in ("empty", "limit") else "damaged")

    def extraction(self) -> Extraction:
        """The clean pages. Raises UnreadableFile if there is no text to clean."""
        if self.document is None:
            raise UnreadableFile(self._crash_reason())
        self._refuse_without_text(self.document)
        with deferred_collection():
            cleaned, repeated = clean_pages(map(_page_to_clean, self.pages))
            pages = assemble_pages(self.pages, cleaned, self.document)
        metadata = dict(self.document.get("metadata") or {})
        further = {"attachments": self.document.get("attachments"), "headers_and_footers": repeated[:20]}
        metadata |= {name: value for name, value in further.items() if value}
        is_incomplete = len(pages) < self.page_count or any(page.problem == "unreadable" for page in pages)
        return Extraction(
            pages,
            self.page_count,
            title=plausible_title(metadata.get("title", "")),
            is_partial=is_incomplete or bool(self.document.get("is_cut")),
            metadata=storable_json(metadata),
        )

    def _refuse_without_text(self, document: Message) -> None:
        with_text = [page for page in self.pages if page.usable_text.strip()]
        declared = max(self.page_count, int(document.get("declared") or 0))
        if document.get("is_cut") and 2 * len(with_text) < declared:
            raise UnreadableFile("damaged")
        if with_text or document.get("fields"):
            return
        if any(page.has_images or page.garbled >= LOST for page in self.pages):
            return  # OCR may still find text, and the pages report the problem
        if reasons := [page.failure for page in self.pages if page.failure] + self.crashes:
            raise UnreadableFile(next((kind for kind in ("limit", "timeout") if kind in reasons), "damaged"))
        if attachments := document.get("attachments"):
            raise UnreadableFile("empty", attachments=len(attachments))
        raise UnreadableFile("empty" if self.pages else "damaged")

    def _crash_reason(self) -> str:
        return next((kind for kind in ("timeout", "limit") if kind in self.crashes), "damaged")


def _page_to_clean(page: RawPage) -> RawPage:
    """Move the lines out of the page, since they take most of the memory. Scans need theirs again."""
    cleaning = RawPage(page.usable_text, page.lines)
    if not page.is_full_page_image:
        page.lines = ()
    return cleaning


@contextmanager
def deferred_collection() -> Iterator[None]:
    """Pause garbage collection, which takes a fifth of the time of cleaning and finds no cycles.

    Freezing moves all objects made meanwhile to the oldest generation. Else the next collection would examine them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.unfreeze()
            gc.enable()
