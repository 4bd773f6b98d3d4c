"""Distinguishes stamped scans (an image and a few words such as "Received 12 March 2024") from covers and slides."""

from collections.abc import Sequence

from documents.extraction.cleanup.garbage import is_shorter
from documents.extraction.raw_page import RawPage

WHOLE_PAGE = 0.85  # of its area. A scan may have margins; a figure leaves room for its caption
MAX_CHARACTERS = 100
MAX_LETTER_SIZE = 0.04  # of the page's shorter side: 24 points on A4; titles of slides and covers are larger


def is_stamped(page: RawPage) -> bool:
    """Whether an image covers the page, with a few small visible words on it.

    Hidden words are an OCR layer, so there is no more to find.
    """
    if not page.size or page.covered < WHOLE_PAGE or page.hidden:
        return False
    heights = [float(line[5]) for line in page.lines]
    return is_shorter(page.text, MAX_CHARACTERS) and not _are_large(heights, page.size)


def is_title(page: RawPage, heights: Sequence[float]) -> bool:
    """Whether a page of few words is not a scan: the words are large, or its images leave most of it free."""
    if page.hidden or not page.size:
        return False
    return page.is_illustrated or _are_large(heights, page.size)


def _are_large(heights: Sequence[float], size: Sequence[float]) -> bool:
    return any(height > MAX_LETTER_SIZE * min(size) for height in heights)
