"""Which pages of a version are scans, and how far OCR has come with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, Q

from documents.extraction import UnreadableFile
from documents.extraction.ocr.engines import engine
from documents.models import Page, Version
from documents.models.page import OCR_ERROR, TRIED, Problem

# The text of some garbled pages was kept.
IS_SCAN = Q(problem=Problem.NO_TEXT) | Q(problem=Problem.GARBLED, text="")
IS_TRIED = Q(report__has_key=TRIED)
# In a page's report: the page has a few words that look stamped onto a scan.
STAMPED = "stamped"


class OcrStatus(NamedTuple):
    """Numbers of pages: `pending` ones were not tried, `over_limit` of them because of OCR_MAX_PAGES."""

    tried: int
    without_text: int
    timed_out: int
    pending: int
    over_limit: int
    can_run: bool

    @property
    def total(self) -> int:
        return self.tried + self.pending - self.over_limit

    @property
    def is_disabled(self) -> bool:
        return not settings.OCR


def ocr_status(version: Version) -> OcrStatus | None:
    """None if none of its pages is a scan."""
    counts = version.pages.aggregate(
        tried=Count("pk", filter=IS_TRIED),
        without_text=Count("pk", filter=IS_SCAN & IS_TRIED & Q(ocr_text="")),
        timed_out=Count("pk", filter=IS_SCAN & IS_TRIED & Q(**{f"report__{OCR_ERROR}": "timeout"})),
        pending=Count("pk", filter=IS_SCAN & ~IS_TRIED),
        scans=Count("pk", filter=IS_SCAN),
    )
    if not counts.pop("scans"):
        return None
    over_limit = max(0, counts["pending"] - max(settings.OCR_MAX_PAGES - counts["tried"], 0))
    has_work = bool(counts["without_text"] or counts["pending"] > over_limit)
    return OcrStatus(**counts, over_limit=over_limit, can_run=bool(has_work and is_available()))


def is_available() -> bool:
    """Whether OCR is enabled and this machine has an engine."""
    return bool(settings.OCR and engine())


def is_needed(version: Version) -> bool:
    """Whether OCR is available and some pages still need it."""
    return is_available() and pending_pages(version).exists()


def are_scans(pages: Sequence[Page]) -> bool:
    """Whether the pages hold nothing but scans. A stamp that repeats on every page does not count as text.

    A stamp on a single page may be text: OCR runs on such a page too, but the document is searchable before.
    """
    return not any(
        page.text.strip() and (page.problem != Problem.NO_TEXT or page.report.get(STAMPED)) for page in pages
    )


def tried_pages(version: Version) -> int:
    return version.pages.filter(IS_TRIED).count()


def pending_pages(version: Version):  # type: ignore[no-untyped-def]
    """The pages that still need OCR, in order, up to OCR_MAX_PAGES in each document."""
    scans = version.pages.filter(IS_SCAN).order_by("number")
    return scans.exclude(IS_TRIED)[: max(settings.OCR_MAX_PAGES - tried_pages(version), 0)]


def failure_without_text(version: Version) -> UnreadableFile:
    """The reason why a version has no text: the file's, or this site's."""
    if version.media_type != "application/pdf":
        return UnreadableFile("empty")
    problems = set(version.pages.filter(IS_SCAN).values_list("problem", flat=True))
    if not problems:
        return UnreadableFile("empty")
    if tried_pages(version):
        return UnreadableFile("no_ocr_text")
    return ocr_unavailable() if Problem.NO_TEXT in problems else UnreadableFile("garbled")


def ocr_unavailable() -> UnreadableFile:
    """The failure of a scan where OCR is disabled or no engine is installed."""
    return UnreadableFile("no_text" if settings.OCR else "ocr_off")
