"""What a limited child does: read one PDF and yield messages. Nothing here is trusted by the worker.

PDFium gives the text; pypdf the structure, and the text of pages that PDFium cannot read or reads far worse.
"""

import logging
import resource
import sys
import time
from collections.abc import Callable, Iterator
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

Message = dict[str, Any]

MAX_LINES = 500_000  # of a document; ten thousand full pages
STAMPED_PAGE = 200  # characters; a scan with more than that has a text layer or was written over
MOST_OF_A_PAGE = 0.6  # of its area
SHORT_PAGE = 400  # characters; below that it is worth asking pypdf whether it sees more
SECOND_LOOKS_SECONDS = 0.3  # that may be spent in vain on a document, and for each page read:
SECOND_LOOKS_SECONDS_OF_A_PAGE = 0.0003
MAX_PADDING_LENGTH = (
    1_000_000  # bytes behind the end-of-file mark, as disks and old servers fill their blocks
)
MAX_FIELDS = 1_000  # that are filled
MAX_WIDGETS = 20_000
MAX_OUTLINE_ENTRIES = 2_000

sys.setrecursionlimit(2_000)  # hostile nesting ends in a RecursionError long before the stack does
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
    """The document's message, then one for each page from `start`, then `done`; or `failed`.

    `careful` is a page that ended an earlier child: it is left to pypdf. `cpu_total` replaces the limit
    that follows from the number of pages.
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
        characters += len(page["text"])
        lines += page["text"].count("\n")
        if characters > MAX_CHARACTERS or lines > MAX_LINES:
            break
        yield page
    yield {"kind": "done"}


def limit_cpu(seconds: float) -> None:
    """Let this process use so many seconds in all; the kernel ends it when it uses more."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = max(1, round(seconds))
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


def used_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Document:
    """One PDF opened by both libraries, as far as they can."""

    def __init__(self, path: str, password: str) -> None:
        self.path = path
        self.failure: Message = {}
        self.pypdf_trouble = self.pdfium_trouble = ""
        self.second_looks = 0.0
        self.pypdf = self._open_pypdf(password)
        self.pdfium = self._open_pdfium(password)
        self.pypdf_pages = self._guarded(lambda: len(self.pypdf.pages), 0) if self.pypdf else 0
        self.page_count = max(self.pypdf_pages, len(self.pdfium) if self.pdfium else 0)
        if self.page_count == 0:
            self.failure = {"reason": self._why_nothing_opens()}
        elif self.page_count == 1 and self._guarded(self._is_drawn_by_adobe, False):
            self.failure = {"reason": "xfa"}

    def _open_pypdf(self, password: str) -> Any:
        try:
            reader = pypdf.PdfReader(self.path, strict=False)
            if reader.is_encrypted and not any(reader.decrypt(word) for word in {password: 0, "": 0}):
                self.pypdf_trouble = "password"
                return None
            return reader
        except EmptyFileError:
            self.pypdf_trouble = "empty"
        except LimitReachedError:
            self.pypdf_trouble = "limit"
        except NotImplementedError:
            self.pypdf_trouble = "protected"
        except MemoryError:
            self.pypdf_trouble = "limit"
        except Exception:  # pypdf lets any kind of error out of a broken file
            self.pypdf_trouble = "damaged"
        return None

    def _open_pdfium(self, password: str) -> Any:
        try:
            return pdfium.PdfDocument(self.path, password=password or None)
        except pdfium.PdfiumError as error:
            troubles = {pdfium_c.FPDF_ERR_PASSWORD: "password", pdfium_c.FPDF_ERR_SECURITY: "protected"}
            self.pdfium_trouble = troubles.get(error.err_code, "damaged")
        except Exception:
            self.pdfium_trouble = "damaged"
        return None

    def _why_nothing_opens(self) -> str:
        troubles = (self.pypdf_trouble, self.pdfium_trouble)
        return next((t for t in ("password", "protected", "empty", "limit") if t in troubles), "damaged")

    def _is_drawn_by_adobe(self) -> bool:
        """A form that is a program (XFA) and has no pages of its own: the one that is there only asks to wait."""
        return bool(self.pdfium and self.pdfium.get_formtype() == pdfium_c.FORMTYPE_XFA_FULL)

    def message(self) -> Message:
        """Page count and structure; each part in its own guard, since any of them may be broken alone."""
        message: Message = {"kind": "document", "pages": self.page_count, "is_cut": is_cut(self.path)}
        if self.pypdf:
            message["declared"] = self._guarded(lambda: int(self.pypdf.root_object["/Pages"]["/Count"]), 0)
            message["labels"] = self._guarded(
                lambda: [str(x)[:40] for x in self.pypdf.page_labels][:MAX_PAGES], []
            )
            message["metadata"] = self._guarded(self._metadata, {})
            message["fields"] = self._guarded(self._fields, [])
            message["attachments"] = self._guarded(self._attachments, [])
        message["outline"] = self._guarded(self._outline, [])
        return message

    def _guarded(self, reading: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return reading()
        except Exception:
            return otherwise

    def _metadata(self) -> dict[str, str]:
        names = ("/Title", "/Author", "/Subject", "/Keywords", "/Creator", "/Producer", "/CreationDate")
        information = self.pypdf.metadata or {}
        return {
            name[1:].lower(): str(information[name])[:500].strip()
            for name in names
            if isinstance(information.get(name), str) and str(information[name]).strip()
        }

    def _attachments(self) -> list[str]:
        names = []
        for attachment in self.pypdf.attachment_list:
            names.append(str(attachment.name)[:200])
            if len(names) == 100:
                break
        return names

    def _fields(self) -> list[list[Any]]:
        """Name, value and page of every filled form field."""
        fields = self.pypdf.get_fields() or {}
        widgets = self._widget_pages() if fields else {}
        found = []
        for name, value in fields.items():
            chosen = value.get("/V") or ""
            text = ", ".join(map(str, chosen)) if isinstance(chosen, list) else str(chosen).strip()
            if value.get("/FT") == "/Btn":
                text = "" if text in ("/Off", "") else text.lstrip("/")
            if text and value.get("/FT") != "/Sig":
                found.append([str(name)[:200], text[:5_000], widgets.get(str(name), 0)])
            if len(found) == MAX_FIELDS:
                break
        return found

    def _widget_pages(self) -> dict[str, int]:
        pages: dict[str, int] = {}
        for index, page in enumerate(self.pypdf.pages):
            for reference in page.get("/Annots", None) or ():
                widget = reference.get_object()
                if isinstance(widget, dict) and widget.get("/Subtype") == "/Widget":
                    pages.setdefault(self._qualified_name(widget), index)
            if len(pages) > MAX_WIDGETS:
                break
        return pages

    def _qualified_name(self, widget: Any) -> str:
        names: list[str] = []
        for _ in range(20):
            if "/T" in widget:
                names.insert(0, str(widget["/T"]))
            if "/Parent" not in widget:
                break
            widget = widget["/Parent"].get_object()
        return ".".join(names)

    def _outline(self) -> list[list[Any]]:
        """Level, title, page index and height of each bookmark that leads somewhere."""
        if not self.pdfium:
            return self._outline_by_pypdf(self.pypdf.outline, 0)
        found = []
        for number, entry in enumerate(self.pdfium.get_toc(max_depth=8)):
            if number == MAX_OUTLINE_ENTRIES:
                break
            destination = self._guarded(entry.get_dest, None)
            index = self._guarded(destination.get_index, None) if destination else None
            title = str(self._guarded(entry.get_title, "") or "").strip()[:300]
            if title and index is not None and 0 <= index < self.page_count:
                found.append([entry.level + 1, title, index])
        return found

    def _outline_by_pypdf(self, entries: Any, level: int) -> list[list[Any]]:
        found: list[list[Any]] = []
        for entry in entries:
            if isinstance(entry, list):
                if level < 8:
                    found += self._outline_by_pypdf(entry, level + 1)
                continue
            index = self._guarded(lambda entry=entry: self.pypdf.get_destination_page_number(entry), None)  # type: ignore[misc]
            if index is not None and index >= 0 and str(entry.title).strip():
                found.append([level + 1, str(entry.title).strip()[:300], index])
        return found[:MAX_OUTLINE_ENTRIES]

    def page(self, index: int, only_pypdf: bool) -> Message:
        """One page's raw text and what is known about it; never raises for what is in the file."""
        message: Message = {"kind": "page", "index": index, "text": "", "engine": "pdfium"}
        try:
            if only_pypdf or not self.pdfium or index >= len(self.pdfium):
                raise pdfium.PdfiumError("left to pypdf")
            message |= self._page_by_pdfium(index)
        except Exception:
            return message | self._page_by_pypdf(index)
        message["garbled"] = garbled_share(message["text"])
        if self._deserves_a_second_look(message):
            message = self._better_of(message, index)
        return message

    def _page_by_pdfium(self, index: int) -> Message:
        page = self.pdfium[index]
        try:
            textpage = page.get_textpage()
            try:
                text, lines, place_of = read_lines(textpage)
                size = [round(side, 1) for side in (page.get_width(), page.get_height())]
                message: Message = {"text": text, "lines": lines, "size": size}
                if hidden := self._guarded(lambda: hidden_text(page, textpage, text, lines, place_of), {}):
                    message |= {
                        "hidden": hidden,
                        "pictures": self._guarded(lambda: shows_images(page), False),
                    }
            finally:
                textpage.close()
            if is_shorter(text, FEW_CHARACTERS):
                message["pictures"] = self._guarded(lambda: shows_images(page), False)
            if is_shorter(text, STAMPED_PAGE):
                shares = self._guarded(lambda: image_shares(page), [])
                message["covered"] = max(shares, default=0.0)
                if message["covered"] >= MOST_OF_A_PAGE:
                    message |= {"pictures": True, "is_one_picture": True}
                message["is_illustrated"] = 0 < sum(shares) < MOST_OF_A_PAGE
            return message
        finally:
            page.close()

    def _page_by_pypdf(self, index: int) -> Message:
        if not self.pypdf or index >= self.pypdf_pages:
            return {"engine": "none", "trouble": "damaged"}
        started = time.process_time()
        try:
            page = self.pypdf.pages[index]
            text = (page.extract_text() or "")[:MAX_CHARACTERS_PER_PAGE]
        except (LimitReachedError, MemoryError):
            return {"engine": "none", "trouble": "limit"}
        except Exception:
            return {"engine": "none", "trouble": "damaged"}
        finally:
            self.second_looks += time.process_time() - started
        message: Message = {"text": text, "engine": "pypdf", "garbled": garbled_share(text)}
        if solid_length(text) < FEW_CHARACTERS:
            message["pictures"] = self._guarded(lambda: has_images(page), False)
        return message

    def _deserves_a_second_look(self, message: Message) -> bool:
        """pypdf is fifteen times slower: only short and garbled pages, and not for ever."""
        if not self.pypdf:
            return False
        if message["garbled"] > 0.1:
            return self.second_looks < 10 * SECOND_LOOKS_SECONDS
        budget = SECOND_LOOKS_SECONDS + SECOND_LOOKS_SECONDS_OF_A_PAGE * message["index"]
        return self.second_looks < budget and is_shorter(message["text"], SHORT_PAGE)

    def _better_of(self, message: Message, index: int) -> Message:
        other = self._page_by_pypdf(index)
        if other.get("trouble"):
            return message
        if readable_length(other) > 2 * readable_length(message) + FEW_CHARACTERS:
            self.second_looks = 0.0  # it pays on this file
            return {"kind": "page", "index": index} | other
        return message


def readable_length(page: Message) -> float:
    share = page["garbled"]
    return solid_length(page["text"]) * (1 - share) if share < 0.5 else 0


def is_cut(path: str) -> bool:
    """No end-of-file mark: the file was not wholly written, or not wholly sent. Padding behind it does no harm."""
    with open(path, "rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - MAX_PADDING_LENGTH))
        tail = file.read().rstrip(b"\0\t\n\r ")[-4096:]
    return b"%%EOF" not in tail and b"startxref" not in tail
