"""Pictures of pages and the places of words on them, kept for an hour where every web machine finds them."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

from documents.extraction import UnreadableFile
from documents.extraction.cleanup.clean_pages import raw_range
from documents.extraction.ocr.engines import RAPIDOCR, TESSERACT
from documents.extraction.ocr.result import rectangles_of
from documents.extraction.render.client import TextPlaces, locate_text, render_page
from documents.models import Page, Version
from ragsite.redis import name_of

WIDTHS = (800, 1600)  # pixels: of a page in its place, and of one on a fine screen or by itself
PAINTER = 1  # another number where the same page would be painted differently
KEPT_SECONDS = 3600
# Each picture has one place among so many and takes it from another: what they fill together is bounded.
SHELVES = 96
MAX_KEPT_BYTES = 400_000  # bytes; pages of text have 50,000 to 450,000
MAX_RANGES = 50


def picture(version: Version, number: int, width: int, person: int | None = None) -> bytes | None:
    """The page as a PNG; None where it cannot be painted, which is remembered too. Raises RendererBusy if the person must wait."""
    name = _name(version, number, width)
    kept = _kept(name)
    if kept is not None:
        return base64.b64decode(kept) or None
    made = b""
    with suppress(UnreadableFile, OSError), version.local_path() as path:
        made = render_page(path.resolve(), number, width, person=person) or b""
    if len(made) <= MAX_KEPT_BYTES:
        _keep(name, base64.b64encode(made).decode())
        if not Version.objects.filter(pk=version.pk).exists():
            forget(version)  # deleted while it was painted: nothing else would
    return made or None


def marks(page: Page, ranges: Sequence[tuple[int, int]], person: int | None = None) -> TextPlaces | None:
    """Where these ranges of its text stand on the page; None where that cannot be told. Raises RendererBusy."""
    raw = [raw_range(page.runs, start, end) for start, end in ranges[:MAX_RANGES]]
    wanted = [(start, end) for start, end in raw if start < end]
    engine = page.report.get("engine")
    if wanted and engine in (TESSERACT, RAPIDOCR):
        return _kept_places(page, wanted)
    if not wanted or engine != "pdfium":  # pypdf's text cannot be found again on the page
        return None
    with suppress(UnreadableFile, OSError), page.version.local_path() as path:
        return locate_text(path.resolve(), page.number, wanted, person)
    return None


def _kept_places(page: Page, ranges: Sequence[tuple[int, int]]) -> TextPlaces:
    """Of what was read in its picture: noted then, so that nothing is painted or read for it now."""
    width, height = page.size
    return TextPlaces(page.size, rectangles_of(page.word_places, ranges, width / height))


def forget(version: Version) -> None:
    """Take the pictures of a version from the cache. Others that stand in their places are painted anew."""
    shelves = {
        _shelf(_name(version, number, width))
        for number in range(1, min(version.page_count or 0, 20 * SHELVES) + 1)
        for width in WIDTHS
    }
    with suppress(RedisError):
        cache.delete_many(shelves)


def _name(version: Version, number: int, width: int) -> str:
    return f"{name_of(version)}-{number}-{width}-{PAINTER}"


def _shelf(name: str) -> str:
    return f"page-picture:{zlib.crc32(name.encode()) % SHELVES}"


def _kept(name: str) -> str | None:
    with suppress(RedisError):
        found: Any = cache.get(_shelf(name))
        if found and found["name"] == name:
            return str(found["png"])
    return None


def _keep(name: str, png: str) -> None:
    with suppress(RedisError):
        cache.set(_shelf(name), {"name": name, "png": png}, KEPT_SECONDS)
