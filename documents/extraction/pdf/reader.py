"""Runs in a sandboxed child: reads one PDF and yields messages, which the worker does not trust.

PDFium reads the text. pypdf reads the structure, and the text of pages that PDFium cannot read or reads far worse.
"""

import logging
import math
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import pypdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from pypdf.errors import EmptyFileError, LimitReachedError

from documents.extraction.cleanup.garbage import garbled_share, is_shorter, solid_length
from documents.extraction.limits import (
    CPU_SECONDS,
    CPU_SECONDS_OF_A_PAGE,
    CPU_SECONDS_OF_ONE_PAGE,
    FEW_CHARACTERS,
    MAX_CHARACTERS,
    MAX_CHARACTERS_PER_PAGE,
    MAX_PAGES,
)
from documents.extraction.pdf.hidden_text import hidden_text
from documents.extraction.pdf.images import has_images, image_shares, shows_images
from documents.extraction.pdf.lines import read_lines
from documents.extraction.pdf.structure import (
    Message,
    count_pages,
    guarded,
    max_text_length,
    structure,
)
from documents.extraction.raw_page import RawPage

MAX_LINES = 500_000  # of a document; ten thousand full pages
STAMPED_PAGE = 200  # characters; scans with more have a text layer
FULL_PAGE_IMAGE = 0.6  # of the area of the page
SHORT_PAGE = 400  # characters; worth a check whether pypdf finds more
FALLBACK_SECONDS = 0.3  # of pypdf without success per document; each page read adds:
FALLBACK_SECONDS_OF_A_PAGE = 0.0003
# Bytes after the end-of-file mark, as disks and old servers pad files
MAX_PADDING_LENGTH = 1_000_000

sys.setrecursionlimit(2_000)  # hostile nesting raises RecursionError before the stack overflows
logging.disable(logging.CRITICAL)


def read(
    path: str,
    password: str = "",
    start: int = 0,
    has_structure: bool = True,
    only_pypdf: bool = False,
    careful: int = -1,
    cpu_seconds: float = CPU_SECONDS,
    cpu_total: float = 0,
) -> Iterator[Message]:
    """Yield the document's message, one for each page from `start`, then `done`; or `failed`.

    `careful` is a page that crashed an earlier child, so only pypdf reads it. `cpu_total` overrides the limit that
    depends on the number of pages.
    """
    limit_cpu(cpu_seconds)
    document = Document(path, password)
    if document.failure:
        yield {"kind": "failed", **document.failure}
        return
    yield document.message() if has_structure else {"kind": "document", "pages": document.page_count}
    total = cpu_total or CPU_SECONDS + CPU_SECONDS_OF_A_PAGE * document.page_count
    characters = lines = 0
    for index in range(start, min(document.page_count, MAX_PAGES)):
        limit_cpu(min(total, used_cpu() + CPU_SECONDS_OF_ONE_PAGE))
        page = document.page(index, only_pypdf=only_pypdf or index == careful)
        characters += len(page.text)
        lines += page.text.count("\n")
        if characters > MAX_CHARACTERS or lines > MAX_LINES:
            break
        yield page.as_message(index)
    yield {"kind": "done"}


def limit_cpu(seconds: float) -> None:
    """Limit the total CPU time of this process. The kernel kills it when it uses more."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = max(1, round(seconds))
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


def used_cpu() -> float:
    """CPU seconds that this process has used so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Document:
    """One PDF, opened by both libraries if possible."""

    def __init__(self, path: str, password: str) -> None:
        self.path = path
        self.failure: Message = {}
        self.pypdf_problem = self.pdfium_problem = ""
        self.fallback_seconds = 0.0
        self.pypdf = self._open_pypdf(password)
        self.pdfium = self._open_pdfium(password)
        count = len(self.pdfium) if self.pdfium else 0
        self.pypdf_pages = guarded(lambda: count_pages(self.pypdf, count), 0) if self.pypdf else 0
        self.page_count = max(self.pypdf_pages, count)
        if self.page_count == 0:
            self.failure = {"reason": self._reason_for_failure()}
        elif self.page_count == 1 and guarded(self._is_dynamic_form, False):
            self.failure = {"reason": "xfa"}

    def _open_pypdf(self, password: str) -> Any:
        try:
            reader = pypdf.PdfReader(self.path, strict=False)
            if reader.is_encrypted and not any(reader.decrypt(word) for word in {password: 0, "": 0}):
                self.pypdf_problem = "password"
                return None
            return reader
        except EmptyFileError:
            self.pypdf_problem = "empty"
        except LimitReachedError:
            self.pypdf_problem = "limit"
        except NotImplementedError:
            self.pypdf_problem = "protected"
        except MemoryError:
            self.pypdf_problem = "limit"
        except Exception:  # pypdf raises any kind of error on broken files
            self.pypdf_problem = "damaged"
        return None

    def _open_pdfium(self, password: str) -> Any:
        try:
            return pdfium.PdfDocument(self.path, password=password or None)
        except pdfium.PdfiumError as error:
            problems = {pdfium_c.FPDF_ERR_PASSWORD: "password", pdfium_c.FPDF_ERR_SECURITY: "protected"}
            self.pdfium_problem = problems.get(error.err_code, "damaged")
        except Exception:
            self.pdfium_problem = "damaged"
        return None

    def _reason_for_failure(self) -> str:
        problems = (self.pypdf_problem, self.pdfium_problem)
        known = ("password", "protected", "empty", "limit")
        return next((problem for problem in known if problem in problems), "damaged")

    def _is_dynamic_form(self) -> bool:
        """Whether this is a dynamic XFA form, whose only page asks the reader to wait."""
        return bool(self.pdfium and self.pdfium.get_formtype() == pdfium_c.FORMTYPE_XFA_FULL)

    def message(self) -> Message:
        """The page count, the structure, and whether the file is cut off."""
        message: Message = {"kind": "document", "pages": self.page_count, "is_cut": is_cut(self.path)}
        return message | structure(self.pypdf, self.pdfium, self.page_count)

    def page(self, index: int, only_pypdf: bool) -> RawPage:
        """Read one page. Never raises, whatever the file contains."""
        try:
            if only_pypdf or not self.pdfium or index >= len(self.pdfium):
                raise pdfium.PdfiumError("skipped")
            page = self._page_by_pdfium(index)
        except Exception:
            return self._page_by_pypdf(index)
        page.garbled = garbled_share(page.text)
        return self._better_of(page, index) if self._deserves_fallback(page, index) else page

    def _page_by_pdfium(self, index: int) -> RawPage:
        page = self.pdfium[index]
        try:
            found = self._text_by_pdfium(page)
            is_short = is_shorter(found.text, STAMPED_PAGE)
            if found.hidden or (is_short and is_shorter(found.text, FEW_CHARACTERS)):
                found.has_images = guarded(lambda: shows_images(page), False)
            if is_short:
                shares = guarded(lambda: image_shares(page), [])
                found.covered = max(shares, default=0.0)
                found.is_full_page_image = found.covered >= FULL_PAGE_IMAGE
                found.has_images |= found.is_full_page_image
                found.is_illustrated = 0 < sum(shares) < FULL_PAGE_IMAGE
            return found
        finally:
            page.close()

    def _text_by_pdfium(self, page: Any) -> RawPage:
        textpage = page.get_textpage()
        try:
            text, lines, place_of = read_lines(textpage)
            size = [round(side, 1) for side in (page.get_width(), page.get_height())]
            hidden = guarded(lambda: hidden_text(page, textpage, text, lines, place_of), {})
            return RawPage(text, lines, size=size, hidden=hidden)
        finally:
            textpage.close()

    def _page_by_pypdf(self, index: int) -> RawPage:
        if not self.pypdf or index >= self.pypdf_pages:
            return RawPage("", engine="none", failure="damaged")
        started = time.process_time()
        try:
            page = self.pypdf.pages[index]
            text = (page.extract_text() or "")[:MAX_CHARACTERS_PER_PAGE]
        except (LimitReachedError, MemoryError):
            return RawPage("", engine="none", failure="limit")
        except Exception:
            return RawPage("", engine="none", failure="damaged")
        finally:
            self.fallback_seconds += time.process_time() - started
        found = RawPage(text, engine="pypdf", garbled=garbled_share(text))
        if solid_length(text) < FEW_CHARACTERS:
            found.has_images = guarded(lambda: has_images(page), False)
        return found

    def _deserves_fallback(self, page: RawPage, index: int) -> bool:
        """Whether to try pypdf, which is fifteen times slower: only for short or garbled pages, within a time budget."""
        if not self.pypdf:
            return False
        if page.garbled > 0.1:
            return self.fallback_seconds < 10 * FALLBACK_SECONDS
        budget = FALLBACK_SECONDS + FALLBACK_SECONDS_OF_A_PAGE * index
        is_worth_it = self.fallback_seconds < budget and is_shorter(page.text, SHORT_PAGE)
        return is_worth_it and self._may_find_more(page, index)

    def _may_find_more(self, page: RawPage, index: int) -> bool:
        """Whether the page's content has so much text that pypdf might read it far better."""
        started = time.process_time()
        length = guarded(lambda: max_text_length(self.pypdf.pages[index]), math.inf)
        self.fallback_seconds += time.process_time() - started
        return bool(length > _far_more_than(page))

    def _better_of(self, page: RawPage, index: int) -> RawPage:
        other = self._page_by_pypdf(index)
        if other.failure or readable_length(other) <= _far_more_than(page):
            return page
        self.fallback_seconds = 0.0  # worth its time on this file
        return other


def _far_more_than(page: RawPage) -> float:
    """The readable length above which another reading is better."""
    return 2 * readable_length(page) + FEW_CHARACTERS


def readable_length(page: RawPage) -> float:
    """The length of the text without its garbled share."""
    return solid_length(page.usable_text) * (1 - page.garbled)


def is_cut(path: str) -> bool:
    """Whether the end-of-file mark is missing because the file was not completely written or sent. Allows padding."""
    with open(path, "rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - MAX_PADDING_LENGTH))
        tail = file.read().rstrip(b"\0\t\n\r ")[-4096:]
    return b"%%EOF" not in tail and b"startxref" not in tail
