"""Page images and the places of words on them, cached for an hour in Redis for all web machines."""

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

WIDTHS = (
    800,
    1600,
    160,
)  # pixels: beside the text, on a high-resolution screen or enlarged, and as a thumbnail
RENDERER_VERSION = 1  # raise it when the same page would look different
CACHE_SECONDS = 3600
# Every image hashes to one of these cache keys and evicts the one before it, which bounds their total size.
SLOTS = 96
MAX_CACHED_BYTES = 400_000  # pages of text have 50,000 to 450,000
MAX_RANGES = 50


def page_image(version: Version, number: int, width: int, person: int | None = None) -> bytes | None:
    """Return the page as a PNG, or None if it cannot be rendered, which is cached too. Raises RendererBusy."""
    name = _name(version, number, width)
    cached = _cached(name)
    if cached is not None:
        return base64.b64decode(cached) or None
    png = b""
    with suppress(UnreadableFile, OSError), version.local_path() as path:
        png = render_page(path.resolve(), number, width, person=person) or b""
    if len(png) <= MAX_CACHED_BYTES:
        _store(name, base64.b64encode(png).decode())
        if not Version.objects.filter(pk=version.pk).exists():
            forget(version)  # deleted while its page was rendered
    return png or None


def marks(page: Page, ranges: Sequence[tuple[int, int]], person: int | None = None) -> TextPlaces | None:
    """Return the rectangles of these ranges of the page's text, or None if unknown. Raises RendererBusy."""
    raw = [raw_range(page.runs, start, end) for start, end in ranges[:MAX_RANGES]]
    wanted = [(start, end) for start, end in raw if start < end]
    engine = page.report.get("engine")
    if wanted and engine in (TESSERACT, RAPIDOCR):
        return _ocr_places(page, wanted)
    if not wanted or engine != "pdfium":  # pypdf knows no places of words
        return None
    with suppress(UnreadableFile, OSError), page.version.local_path() as path:
        return locate_text(path.resolve(), page.number, wanted, person)
    return None


def _ocr_places(page: Page, ranges: Sequence[tuple[int, int]]) -> TextPlaces:
    """The places that OCR stored, without rendering the page."""
    width, height = page.size
    return TextPlaces(page.size, rectangles_of(page.word_places, ranges, width / height))


def forget(version: Version) -> None:
    """Delete a version's images from the cache. Other images in the same slots are rendered again."""
    slots = {
        _slot(_name(version, number, width))
        for number in range(1, min(version.page_count or 0, 20 * SLOTS) + 1)
        for width in WIDTHS
    }
    with suppress(RedisError):
        cache.delete_many(slots)


def _name(version: Version, number: int, width: int) -> str:
    return f"{name_of(version)}-{number}-{width}-{RENDERER_VERSION}"


def _slot(name: str) -> str:
    return f"page-image:{zlib.crc32(name.encode()) % SLOTS}"


def _cached(name: str) -> str | None:
    with suppress(RedisError):
        found: Any = cache.get(_slot(name))
        if found and found["name"] == name:
            return str(found["png"])
    return None


def _store(name: str, png: str) -> None:
    with suppress(RedisError):
        cache.set(_slot(name), {"name": name, "png": png}, CACHE_SECONDS)
