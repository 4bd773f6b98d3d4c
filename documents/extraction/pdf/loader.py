"""A PDF's pages: follow the limited child that reads it, start it again where it died, clean what it read."""

import gc
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from documents.extraction.cleanup.clean_pages import CleanPage, RawPage, clean_pages, fold
from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.errors import UnreadableFile
from documents.extraction.limits import (
    CPU_SECONDS,
    CPU_SECONDS_OF_A_PAGE,
    FEW_CHARACTERS,
    MAX_PAGES,
)
from documents.extraction.pages import ExtractedPage, Extraction
from documents.extraction.pdf.headings import headings_by_size, headings_from_outline
from documents.extraction.pdf.stamps import is_stamped, is_title
from documents.extraction.sandbox.follow import (
    MAX_LOST_CHILDREN,
    Message,
    Progress,
    ReaderLost,
    SandboxedRead,
)
from ragsite.storable import storable_json

MAX_CRASHES = 4
GARBLED = 0.1  # from this share on a page is called garbled,
LOST = 0.5  # from this on its text is left out
CAPTION = re.compile(r"\w+ \d[\d.]*:")  # Table 1: of what stands at the top of a page before its text goes on
OPEN_MARKS = ",;、，"  # behind which no sentence ends
OPENING_MARKS = "“„«「『（《"
WORD = re.compile(r"[^\W\d_]{2}")
OTHER_SIZE = 0.85
FEW_HIDDEN = 8  # characters; fewer are a printer's mark


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
        self.pages: dict[int, Message] = {}
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
            self._add_page(message)
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
            self._add_page({"index": self.crashed_at, "text": "", "engine": "none", "trouble": reason})
        self.crashed_at = len(self.pages)
        self.is_finished = self.crashed_at >= self.page_count

    def _add_page(self, message: Message) -> None:
        self.pages[len(self.pages)] = message
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
        """The cleaned pages, or the reason why there is nothing to clean."""
        if self.document is None:
            raise UnreadableFile(self._reason_of_crashes())
        raw = [self.pages[number] for number in range(len(self.pages))]
        self._refuse_what_has_no_text(raw)
        metadata = dict(self.document.get("metadata") or {})
        with collecting_later():
            cleaned, running = clean_pages(RawPage(_usable_text(page), _taken_lines(page)) for page in raw)
            own = own_lengths(raw)
            pages = [
                self._page(number, page, clean, own.get(number, len(clean.text)))
                for number, (page, clean) in enumerate(zip(raw, cleaned, strict=True))
            ]
        for number, (before, after) in enumerate(pairwise(cleaned), 1):
            pages[number].goes_on = goes_on(before, after)
        self._append_fields(pages)
        self._add_headings(pages, cleaned)
        for name, value in (
            ("attachments", self.document.get("attachments")),
            ("headers_and_footers", running[:20]),
        ):
            if value:
                metadata[name] = value
        lost = [page.number for page in pages if page.problem == "unreadable"]
        return Extraction(
            pages,
            self.page_count,
            title=plausible_title(metadata.get("title", "")),
            is_partial=bool(lost) or len(pages) < self.page_count or self._is_cut(),
            metadata=storable_json(metadata),
        )

    def _refuse_what_has_no_text(self, raw: list[Message]) -> None:
        with_text = [page for page in raw if _usable_text(page).strip()]
        declared = max(self.page_count, int((self.document or {}).get("declared") or 0))
        if self._is_cut() and 2 * len(with_text) < declared:
            raise UnreadableFile("damaged")
        if with_text or (self.document or {}).get("fields"):
            return
        if any(page.get("pictures") or float(page.get("garbled") or 0) >= LOST for page in raw):
            return  # the pages say what they lack; their pictures may still be read
        if troubles := [page["trouble"] for page in raw if page.get("trouble")] + self.crashes:
            known = ("limit", "timeout")
            raise UnreadableFile(next((kind for kind in known if kind in troubles), "damaged"))
        if attachments := (self.document or {}).get("attachments"):
            raise UnreadableFile("empty", attachments=len(attachments))
        raise UnreadableFile("empty" if raw else "damaged")

    def _reason_of_crashes(self) -> str:
        return next((kind for kind in ("timeout", "limit") if kind in self.crashes), "damaged")

    def _is_cut(self) -> bool:
        return bool(self.document and self.document.get("is_cut"))

    def _page(self, number: int, raw: Message, cleaned: CleanPage, own: int) -> ExtractedPage:
        labels = (self.document or {}).get("labels") or []
        label = str(labels[number]) if number < len(labels) else ""
        share, characters = float(raw.get("garbled") or 0), solid_length(cleaned.text)
        problem, stamped = "", False
        if raw.get("trouble"):
            problem = "unreadable"
        elif share > GARBLED:
            problem = "garbled"
        elif min(characters, own) < FEW_CHARACTERS and raw.get("pictures"):
            has_words = own > 0 and WORD.search(cleaned.text) is not None
            is_page_of_words = has_words and is_title(raw, [height for _offset, height in cleaned.lines])
            problem, stamped = "" if is_page_of_words else "no_text", has_words
        elif is_stamped(raw):
            problem, stamped = "no_text", True
        report = {
            "characters": characters,
            "garbled": round(share, 3),
            "engine": raw["engine"],
        }
        if problem and stamped:
            report["stamped"] = True
        report |= {name: value for name, value in _findings(raw, cleaned).items() if value}
        return ExtractedPage(
            number + 1,
            fold(label) or str(number + 1),
            cleaned.text,
            cleaned.runs,
            problem=problem,
            report=report,
        )

    def _append_fields(self, pages: list[ExtractedPage]) -> None:
        """Filled form fields are no part of a page's text; they follow it, one line each."""
        for name, value, number in (self.document or {}).get("fields") or ():
            if 0 <= number < len(pages):
                page = pages[number]
                has_one = page.report.get("fields", 0)
                page.text += ("\n" if has_one else "\n\n" if page.text else "") + _one_line(
                    f"{name}: {value}"
                )
                page.report["fields"] = has_one + 1
                page.problem = "" if page.problem == "no_text" else page.problem
                if page.number < len(pages):
                    pages[page.number].goes_on = False  # the fields stand between

    def _add_headings(self, pages: list[ExtractedPage], cleaned: list[CleanPage]) -> None:
        outline = (self.document or {}).get("outline") or []
        found = headings_from_outline(outline, [page.text for page in pages]) if outline else {}
        for number, headings in (found or headings_by_size(cleaned)).items():
            pages[number].headings = headings


@contextmanager
def collecting_later() -> Iterator[None]:
    """Cleaning makes very many small things and none in a circle: to look for circles takes a fifth of its time."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.enable()


def goes_on(before: CleanPage, after: CleanPage) -> bool:
    """Whether a page begins in the middle of a sentence with which the page before ended."""
    if not before.text or not after.text:
        return False
    last, first = before.text[-1], after.text[0]
    heights = before.lines[-1][1], after.lines[0][1]
    if first.islower():
        is_other = all(heights) and min(heights) < OTHER_SIZE * max(heights)  # a label, a note, a caption
        return not is_other and (last.isalnum() or last in ",;)’'\"”»-–—")
    # No capital letter and no full stop tells it in Chinese, and a capital letter may be that of a name.
    is_within = (last.isalpha() or last in OPEN_MARKS) and (first.isalpha() or first in OPENING_MARKS)
    if not is_within or not before.ends_full or heights[0] != heights[1]:
        return False
    return not CAPTION.match(after.text)


def plausible_title(title: str) -> str:
    """The title a person gave, not the file name or the program that its software wrote there."""
    title = _one_line(title)
    if re.search(r"\.(?:docx?|indd|qxd|tex|dvi|pdf|pptx?|xlsx?|rtf|odt|ps|pmd|fm)$", title, re.IGNORECASE):
        return ""
    if re.match(
        r"(?:untitled|microsoft word\b|document\d*$|unknown$|\(?none\)?$|slide \d+$)", title, re.IGNORECASE
    ):
        return ""
    return title if re.search(r"[^\W\d_]{2}", title) else ""


def _one_line(text: str) -> str:
    return " ".join(fold(text).split())


def _usable_text(page: Message) -> str:
    return "" if float(page.get("garbled") or 0) >= LOST else str(page["text"])


def own_lengths(pages: list[Message]) -> dict[int, int]:
    """Of each page that is one picture, the characters in lines that no other page has: a stamp comes again and again.

    Figures count as alike. Cleaning spares a line if it is all that pages have, so it is not asked.
    """
    pictures = [number for number, page in enumerate(pages) if page.get("is_one_picture")]
    if not pictures:
        return {}
    lines = [_folded_lines(page) for page in pages]
    seen = Counter(line for page in lines for line in set(page))
    return {
        number: sum(solid_length(line) for line in lines[number] if seen[line] == 1) for number in pictures
    }


def _folded_lines(page: Message) -> list[str]:
    return [
        re.sub(r"\d+", "#", " ".join(line.casefold().split())) for line in _usable_text(page).splitlines()
    ]


def _findings(raw: Message, cleaned: CleanPage) -> Message:
    """What else is worth saying of a page; text that recognition has laid under a scan is no hidden text."""
    hidden = {str(kind): int(count) for kind, count in dict(raw.get("hidden") or {}).items()}
    is_mostly = "invisible" in hidden and 2 * hidden["invisible"] > solid_length(str(raw["text"]))
    under_scan = is_mostly and bool(raw.get("pictures"))
    if under_scan:
        del hidden["invisible"]
    return {
        "size": [float(side) for side in raw.get("size") or ()],
        "table_rows": cleaned.rows,
        "text_under_scan": under_scan,
        "hidden": hidden if sum(hidden.values()) >= FEW_HIDDEN else {},
    }


def _taken_lines(page: Message) -> list[list[float]]:
    """Not kept with the page: of many pages they are most of what is in memory. Of a scan they are looked at again."""
    lines = page.get("lines") if page.get("is_one_picture") else page.pop("lines", None)
    return list(lines or ())
