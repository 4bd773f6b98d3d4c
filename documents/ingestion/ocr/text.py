"""Merges the text that OCR found into the pages of a version."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q, QuerySet

from documents.extraction import Heading
from documents.extraction.cleanup.clean_pages import CleanPage, clean_pages
from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.ocr.merge import has_new_words, missing_lines
from documents.extraction.pdf.headings import relocate_headings
from documents.extraction.raw_page import RawPage
from documents.ingestion.ocr.status import STAMPED
from documents.models import Chunk, Index, IndexedVersion, Page, Version
from documents.models.index import IndexState
from documents.models.page import TRIED
from documents.models.task import Kind, TaskState
from documents.page_report import report_of
from documents.structure.document_text import PAGE_BREAK


def merge_ocr_text(pages: Sequence[Page]) -> list[Page]:
    """Merge the OCR text into the pages without saving them; returns pages whose text or start has changed."""
    scans = [page for page in pages if page.problem and page.ocr_text]
    cleaned, _running = clean_pages([RawPage(page.ocr_text or "") for page in scans])
    clean_text = dict(zip((page.pk for page in scans), cleaned, strict=True))
    changed: list[Page] = []
    old_end, end = 0, 0
    for position, page in enumerate(pages):
        gap, old_end = page.start - old_end, page.start + len(page.text)
        found = clean_text.get(page.pk)
        if is_merged := found is not None and merge_page(page, found):
            gap = len(PAGE_BREAK) if position else 0
        if is_merged or page.start != end + gap:
            page.start = end + gap
            changed.append(page)
        end = page.start + len(page.text)
    return changed


def merge_page(page: Page, found: CleanPage) -> bool:
    """Put the OCR text before what only the page's own text contains. Returns whether the page has changed.

    If OCR adds nothing, the page's own text stays, as it has no recognition errors, and the page is no scan.
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


def save_ocr_text(version: Version, pages: Sequence[Page], changed: Sequence[Page]) -> None:
    """Save the pages that `merge_ocr_text` changed. Call it in the transaction that stores their chunks."""
    if not changed:
        return
    Page.objects.bulk_update(
        changed, ["text", "runs", "headings", "problem", "report", "start"], batch_size=200
    )
    version.report = report_of(pages, version.page_count or 0, version.metadata)
    version.save(update_fields=["report"])
    delete_outdated_chunks(version)


def delete_outdated_chunks(version: Version) -> None:
    """Delete chunks whose offsets count in the old text; their indexes are filled again before they go live."""
    done = Q(tasks__document=version.document_id, tasks__kind=Kind.INDEX, tasks__state=TaskState.DONE)
    current = Index.objects.filter(Q(state=IndexState.LIVE) | Q(state=IndexState.BUILDING) & done)
    Chunk.objects.filter(version=version).exclude(index__in=current).delete()
    IndexedVersion.objects.filter(version=version).exclude(index__in=current).delete()


def merge_and_save(versions: QuerySet[Version]) -> None:
    """Merge and save the OCR text. Call it in the transaction that makes live an index built from that text."""
    for version in versions:
        pages = list(version.pages.order_by("number"))
        save_ocr_text(version, pages, merge_ocr_text(pages))
