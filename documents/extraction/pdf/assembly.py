"""Builds extracted pages from raw and clean ones: what is wrong with each, and whether it continues the one before."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from documents.extraction.cleanup.clean_pages import CleanPage
from documents.extraction.cleanup.fold import fold
from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.limits import FEW_CHARACTERS
from documents.extraction.pages import ExtractedPage
from documents.extraction.pdf.headings import headings_by_size, headings_from_outline
from documents.extraction.pdf.stamps import is_stamped, is_title
from documents.extraction.raw_page import RawPage

GARBLED = 0.1  # share of garbage characters from which a page is reported as garbled
CAPTION = re.compile(r"\w+ \d[\d.]*:")  # as in "Table 1:", at the top of a page before its text continues
OPEN_MARKS = ",;、，"  # do not end a sentence
OPENING_MARKS = "“„«「『（《"
WORD = re.compile(r"[^\W\d_]{2}")
OTHER_SIZE = 0.85
FEW_HIDDEN = 8  # characters; fewer are a printer's mark
FILE_NAME = re.compile(r"\.(?:docx?|indd|qxd|tex|dvi|pdf|pptx?|xlsx?|rtf|odt|ps|pmd|fm)$", re.IGNORECASE)
DEFAULT_TITLE = re.compile(
    r"(?:untitled|microsoft word\b|document\d*$|unknown$|\(?none\)?$|slide \d+$)", re.IGNORECASE
)


def assemble_pages(
    raw: Sequence[RawPage], cleaned: Sequence[CleanPage], document: Mapping[str, Any]
) -> list[ExtractedPage]:
    """The pages with labels, reports, form fields and headings. `document` is the message of the child."""
    labels, own = document.get("labels") or [], own_lengths(raw)
    pages = [
        _page(number, page, clean, own.get(number, len(clean.text)))
        for number, (page, clean) in enumerate(zip(raw, cleaned, strict=True))
    ]
    for page, label in zip(pages, labels, strict=False):
        page.label = fold(str(label)) or page.label
    for number, (before, after) in enumerate(pairwise(cleaned), 1):
        pages[number].continues_paragraph = continues(before, after)
    _append_fields(pages, document.get("fields") or ())
    _add_headings(pages, cleaned, document.get("outline") or [])
    return pages


def _page(number: int, raw: RawPage, cleaned: CleanPage, own: int) -> ExtractedPage:
    characters = solid_length(cleaned.text)
    problem, is_stamp = _problem(raw, cleaned, min(characters, own), own)
    report = {"characters": characters, "garbled": round(raw.garbled, 3), "engine": raw.engine}
    if is_stamp:
        report["stamped"] = True
    report |= {name: value for name, value in _findings(raw, cleaned).items() if value}
    return ExtractedPage(
        number + 1, str(number + 1), cleaned.text, cleaned.runs, problem=problem, report=report
    )


def _problem(raw: RawPage, cleaned: CleanPage, characters: int, own: int) -> tuple[str, bool]:
    """What is wrong with the page, and whether its few words are a stamp on a scan."""
    if raw.failure:
        return "unreadable", False
    if raw.garbled > GARBLED:
        return "garbled", False
    if characters < FEW_CHARACTERS and raw.has_images:
        has_words = own > 0 and WORD.search(cleaned.text) is not None
        if has_words and is_title(raw, [height for _offset, height in cleaned.lines]):
            return "", False
        return "no_text", has_words
    return ("no_text", True) if is_stamped(raw) else ("", False)


def _findings(raw: RawPage, cleaned: CleanPage) -> dict[str, Any]:
    """Further entries of the report. An OCR layer under a scan does not count as hidden text."""
    hidden = dict(raw.hidden)
    is_mostly_invisible = "invisible" in hidden and 2 * hidden["invisible"] > solid_length(raw.text)
    is_ocr_layer = is_mostly_invisible and raw.has_images
    if is_ocr_layer:
        del hidden["invisible"]
    return {
        "size": raw.size,
        "table_rows": cleaned.rows,
        "text_under_scan": is_ocr_layer,
        "hidden": hidden if sum(hidden.values()) >= FEW_HIDDEN else {},
    }


def _append_fields(pages: Sequence[ExtractedPage], fields: Iterable[Sequence[Any]]) -> None:
    """Append filled form fields, which are not part of the text, one per line."""
    for name, value, number in fields:
        if not 0 <= number < len(pages):
            continue
        page = pages[number]
        count = page.report.get("fields", 0)
        separator = "\n" if count else "\n\n" if page.text else ""
        page.text += separator + _one_line(f"{name}: {value}")
        page.report["fields"] = count + 1
        page.problem = "" if page.problem == "no_text" else page.problem
        if page.number < len(pages):
            pages[page.number].continues_paragraph = False  # the fields interrupt the sentence


def _add_headings(
    pages: Sequence[ExtractedPage], cleaned: Sequence[CleanPage], outline: Sequence[Sequence[Any]]
) -> None:
    found = headings_from_outline(outline, [page.text for page in pages]) if outline else {}
    for number, headings in (found or headings_by_size(cleaned)).items():
        pages[number].headings = headings


def continues(before: CleanPage, after: CleanPage) -> bool:
    """Whether a page begins inside a sentence of the page before."""
    if not before.text or not after.text:
        return False
    last, first = before.text[-1], after.text[0]
    heights = before.lines[-1][1], after.lines[0][1]
    if first.islower():
        # A label, a note or a caption has another size.
        is_other = all(heights) and min(heights) < OTHER_SIZE * max(heights)
        return not is_other and (last.isalnum() or last in ",;)’'\"”»-–—")
    # Chinese has no capitals and may lack a full stop, and a capital letter may start a name.
    is_within = (last.isalpha() or last in OPEN_MARKS) and (first.isalpha() or first in OPENING_MARKS)
    if not is_within or not before.ends_full or heights[0] != heights[1]:
        return False
    return not CAPTION.match(after.text)


def own_lengths(pages: Sequence[RawPage]) -> dict[int, int]:
    """For each page that is one image, count the characters in lines that no other page has, unlike those of stamps.

    Numbers count as equal. Cleaning keeps repeated lines that are the only ones of a page, so it cannot be used here.
    """
    scans = [number for number, page in enumerate(pages) if page.is_full_page_image]
    if not scans:
        return {}
    lines = [_folded_lines(page) for page in pages]
    seen = Counter(line for page in lines for line in set(page))
    return {number: sum(solid_length(line) for line in lines[number] if seen[line] == 1) for number in scans}


def _folded_lines(page: RawPage) -> list[str]:
    lines = page.usable_text.splitlines()
    return [re.sub(r"\d+", "#", " ".join(line.casefold().split())) for line in lines]


def plausible_title(title: str) -> str:
    """The title, or an empty string for a file name or the default title of a program."""
    title = _one_line(title)
    if FILE_NAME.search(title) or DEFAULT_TITLE.match(title):
        return ""
    return title if WORD.search(title) else ""


def _one_line(text: str) -> str:
    return " ".join(fold(text).split())
