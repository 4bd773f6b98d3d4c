"""What a limited child does: read one PDF and yield messages. Nothing here is trusted by the worker.

PDFium gives the text; pypdf the structure, and the text of pages that PDFium cannot read or reads far worse.
"""

import ctypes
import logging
import re
import resource
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from statistics import median
from typing import Any

import pypdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from pypdf.errors import EmptyFileError, LimitReachedError

from documents.extraction import quick
from documents.extraction.garbage import garbled_share, is_shorter, solid_length
from documents.extraction.hidden import hidden_text
from documents.extraction.limits import (
    CPU_SECONDS,
    CPU_SECONDS_OF_A_PAGE,
    CPU_SECONDS_OF_ONE_PAGE,
    FEW_CHARACTERS,
)
from documents.extraction.right_to_left import HAS_LETTER
from documents.extraction.visual_lines import read_by_places
from documents.extraction.wide_letters import without_gaps

Message = dict[str, Any]

MOST_PAGES = 20_000
MOST_CHARACTERS = 40_000_000  # of a document; a long novel has one million
MOST_CHARACTERS_OF_A_PAGE = 1_000_000
MOST_LINES = 500_000  # of a document; ten thousand full pages
STAMPED_PAGE = 200  # characters; a scan with more than that has a text layer or was written over
MOST_OF_A_PAGE = 0.6  # of its area
MOST_OBJECTS = 1_000  # that are looked at on one page for a picture of its size
SHORT_PAGE = 400  # characters; below that it is worth asking pypdf whether it sees more
SECOND_LOOKS_SECONDS = 0.3  # that may be spent in vain on a document, and for each page read:
SECOND_LOOKS_SECONDS_OF_A_PAGE = 0.0003
LONGEST_PADDING = 1_000_000  # bytes behind the end-of-file mark, as disks and old servers fill their blocks
MOST_FIELDS = 1_000
MOST_OUTLINE_ENTRIES = 2_000

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
    for index in range(start, min(document.page_count, MOST_PAGES)):
        limit_cpu(min(total, used_cpu() + CPU_SECONDS_OF_ONE_PAGE))
        page = document.page(index, only_pypdf=only_pypdf or index == careful)
        characters += len(page["text"])
        lines += page["text"].count("\n")
        if characters > MOST_CHARACTERS or lines > MOST_LINES:
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
                lambda: [str(x)[:40] for x in self.pypdf.page_labels][:MOST_PAGES], []
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
        for name, value in list(fields.items())[:MOST_FIELDS]:
            chosen = value.get("/V") or ""
            text = ", ".join(map(str, chosen)) if isinstance(chosen, list) else str(chosen).strip()
            if value.get("/FT") == "/Btn":
                text = "" if text in ("/Off", "") else text.lstrip("/")
            if text and value.get("/FT") != "/Sig":
                found.append([str(name)[:200], text[:5_000], widgets.get(str(name), 0)])
        return found

    def _widget_pages(self) -> dict[str, int]:
        pages: dict[str, int] = {}
        for index, page in enumerate(self.pypdf.pages):
            for reference in page.get("/Annots", None) or ():
                widget = reference.get_object()
                if isinstance(widget, dict) and widget.get("/Subtype") == "/Widget":
                    pages.setdefault(self._qualified_name(widget), index)
            if len(pages) > MOST_FIELDS:
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
            if number == MOST_OUTLINE_ENTRIES:
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
        return found[:MOST_OUTLINE_ENTRIES]

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
                text, place_of = text_of(textpage)
                lines = lines_of(textpage, text, place_of)
                size = [round(side, 1) for side in (page.get_width(), page.get_height())]
                message: Message = {"text": text, "lines": lines, "size": size}
                if hidden := self._guarded(lambda: hidden_text(page, textpage, text, lines, place_of), {}):
                    message |= {
                        "hidden": hidden,
                        "pictures": self._guarded(lambda: shows_pictures(page), False),
                    }
            finally:
                textpage.close()
            if is_shorter(text, FEW_CHARACTERS):
                message["pictures"] = self._guarded(lambda: shows_pictures(page), False)
            if is_shorter(text, STAMPED_PAGE):
                covered = self._guarded(lambda: share_of_picture(page), 0.0)
                if covered >= MOST_OF_A_PAGE:
                    message |= {"pictures": True, "is_one_picture": True, "covered": covered}
            return message
        finally:
            page.close()

    def _page_by_pypdf(self, index: int) -> Message:
        if not self.pypdf or index >= self.pypdf_pages:
            return {"engine": "none", "trouble": "damaged"}
        started = time.process_time()
        try:
            page = self.pypdf.pages[index]
            text = (page.extract_text() or "")[:MOST_CHARACTERS_OF_A_PAGE]
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
        file.seek(max(0, file.tell() - LONGEST_PADDING))
        tail = file.read().rstrip(b"\0\t\n\r ")[-4096:]
    return b"%%EOF" not in tail and b"startxref" not in tail


VISUAL_LINE = re.compile(r"[^\r\n\ufffe]+")
SAME_HEIGHT = 0.12
FIRST_WIDE = "\u2e80"  # where Chinese, Japanese and Korean letters begin
SOME_LETTERS = 12
LONGEST_EDGE = 30  # letters of a word
SAME_EDGE = 0.01  # points
NARROW_GAP = 0.3  # of a letter's height


def lines_of(textpage: Any, text: str, place_of: Callable[[int], int]) -> list[list[float]]:
    """For each line as printed: start and end in the text, left, right, baseline, height; 1 where its hyphen has a text of its own."""
    x, y = ctypes.c_double(), ctypes.c_double()
    box = pdfium_c.FS_RECTF()
    at_x, at_y, at_box = ctypes.byref(x), ctypes.byref(y), ctypes.byref(box)
    handle, loose_box = quick.pointer(textpage.raw), quick.loose_box
    is_right_to_left = HAS_LETTER.search(text) is not None

    def heights_at(places: Iterable[int]) -> Iterator[float]:
        for place in places:
            loose_box(handle, place, at_box)
            yield box.top - box.bottom

    found = []
    for match in VISUAL_LINE.finditer(text):
        line = match.group()
        start = match.start() + len(line) - len(line.lstrip())
        end = match.start() + len(line.rstrip())
        if end <= start:
            continue
        first, last = place_of(start), place_of(end - 1)
        if first < 0 or last < 0 or not quick.origin(handle, first, at_x, at_y):
            continue
        loose_box(handle, first, at_box)
        left, right, height = box.left, box.right, box.top - box.bottom
        loose_box(handle, last, at_box)
        left, right, other = min(left, box.left), max(right, box.right), box.top - box.bottom
        if height != other or (is_right_to_left and HAS_LETTER.search(line)):
            height = usual_height(line, height, other, heights_at, first, last)
        if is_right_to_left and HAS_LETTER.search(line):
            for place in places_of_edges(line, match.start(), place_of):
                if loose_box(handle, place, at_box):
                    left, right = min(left, box.left), max(right, box.right)
        entry = [start, end, round(left, 1), round(right, 1), round(y.value, 1), round(height, 1)]
        found.append([*entry, 1] if is_told_hyphen(text, match.end(), handle, place_of) else entry)
    return found


def is_told_hyphen(text: str, at: int, handle: Any, place_of: Callable[[int], int]) -> bool:
    """Whether the hyphen that PDFium took from a line's end has a text of its own in the PDF (ActualText).

    Programs tell thus hyphens that were written from those that they put in, where both are drawn alike. PDFium has for
    such a letter no more than the box of its ink.
    """
    if text[at : at + 1] != "\ufffe" or (place := place_of(at)) < 0:
        return False
    box, (left, right, bottom, top) = pdfium_c.FS_RECTF(), [ctypes.c_double() for _ in range(4)]
    quick.loose_box(handle, place, ctypes.byref(box))
    quick.tight_box(handle, place, *map(ctypes.byref, (left, right, bottom, top)))
    return abs(box.left - left.value) < SAME_EDGE and abs(box.top - top.value) < SAME_EDGE


def usual_height(
    line: str,
    height: float,
    other: float,
    heights_at: Callable[[Iterable[int]], Iterable[float]],
    first: int,
    last: int,
) -> float:
    """A line's height where its first and its last letter differ in theirs, or may be of another font than the rest."""
    if line[-1] > FIRST_WIDE or HAS_LETTER.search(line):
        # Full stops and figures of Hebrew have fonts of their own; of Chinese letters some programs leave no more than the box of their ink.
        return median(
            [height, other, *heights_at(range(first, last, max(1, (last - first) // SOME_LETTERS)))]
        )
    if abs(height - other) <= SAME_HEIGHT * height:
        return height
    # One odd letter (a bullet, another font) says little of the line: the middle one of three does.
    return median([height, other, *heights_at([(first + last) // 2])])


def places_of_edges(line: str, start: int, place_of: Callable[[int], int]) -> list[int]:
    """The letters of the first and the last word: figures there run against their line, and end within it."""
    words = line.split(maxsplit=1)[0][:LONGEST_EDGE], line.rsplit(maxsplit=1)[-1][-LONGEST_EDGE:]
    first, end = start + line.index(words[0]), start + len(line.rstrip())
    numbers = *range(first, first + len(words[0])), *range(end - len(words[1]), end)
    return [place for place in map(place_of, numbers) if place >= 0]


def text_of(textpage: Any) -> tuple[str, Callable[[int], int]]:
    """A page's text as it is read, and a function from a place in it to PDFium's count of its characters."""
    text = textpage.get_text_range()[:MOST_CHARACTERS_OF_A_PAGE]
    text, place_of = read_by_places(textpage, text, characters_of(textpage, text))
    return without_gaps(text, lambda at: _is_narrow_gap(textpage, place_of(at))), place_of


def _is_narrow_gap(textpage: Any, place: int) -> bool:
    """Whether PDFium made up the space, and for less than a gap and a space together."""
    handle, before, after = quick.pointer(textpage.raw), pdfium_c.FS_RECTF(), pdfium_c.FS_RECTF()
    if quick.is_generated(handle, place) != 1:
        return False
    quick.loose_box(handle, place - 1, ctypes.byref(before))
    quick.loose_box(handle, place + 1, ctypes.byref(after))
    return bool(after.left - before.right < NARROW_GAP * (before.top - before.bottom))


def characters_of(textpage: Any, text: str) -> Callable[[int], int]:
    """From a place in the text to PDFium's own count, which knows UTF-16 and characters it adds or leaves out."""
    handle = quick.pointer(textpage.raw)
    has_astral = not text.isascii() and max(text) > "\uffff"
    if not has_astral and textpage.count_chars() == len(text):
        last = len(text) - 1
        if last < 0 or quick.character_of_text(handle, last) == last:
            return lambda place: place

    astral = [place for place, letter in enumerate(text) if letter > "\uffff"] if has_astral else []

    def character(place: int) -> int:
        return int(quick.character_of_text(handle, place + bisect_left(astral, place)))

    return character


def shows_pictures(page: Any) -> bool:
    """Whether the page draws an image, or so many shapes that its letters may be drawings."""
    shapes = 0
    for item in page.get_objects(max_depth=3):
        if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            return True
        shapes += item.type in (pdfium_c.FPDF_PAGEOBJ_PATH, pdfium_c.FPDF_PAGEOBJ_SHADING)
        if shapes > 50:
            return True
    return False


def share_of_picture(page: Any) -> float:
    """How much of the page its largest image covers: most or all of it on a scan."""
    left, bottom, right, top = page.get_bbox()
    area, largest = (right - left) * (top - bottom), 0.0
    for item in islice(page.get_objects(max_depth=3), MOST_OBJECTS):
        if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            box = bounds_on_page(item)
            width, height = min(right, box[2]) - max(left, box[0]), min(top, box[3]) - max(bottom, box[1])
            largest = max(largest, max(width, 0.0) * max(height, 0.0))
    return round(largest / area, 3)


def bounds_on_page(item: Any) -> tuple[float, float, float, float]:
    """Left, bottom, right and top; PDFium counts what is in a form in the form's own units."""
    box = item.get_bounds()
    form = item.container
    while form:
        box = form.get_matrix().on_rect(*box)
        form = form.container
    return box


def has_images(page: Any) -> bool:
    resources = page.get("/Resources", {}).get_object()
    objects = resources.get("/XObject", {}).get_object()
    return any(item.get_object().get("/Subtype") in ("/Image", "/Form") for item in objects.values())
