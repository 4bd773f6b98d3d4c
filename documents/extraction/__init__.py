"""From a file to its pages: `extract_pages` for the worker, `sniff` for the upload form.

The limited reading processes import this package too: nothing here may import Django or a PDF library.
"""

from collections.abc import Callable
from pathlib import Path

from documents.extraction.child import start_nursery
from documents.extraction.failures import UnreadableFile
from documents.extraction.pages import ExtractedPage, Extraction, Heading
from documents.extraction.pdf import ReaderLost, pages_of_pdf
from documents.extraction.sniffing import sniff
from documents.extraction.text import pages_of_text

__all__ = [
    "ExtractedPage",
    "Extraction",
    "Heading",
    "ReaderLost",
    "UnreadableFile",
    "extract_pages",
    "sniff",
    "start_nursery",
]


def extract_pages(
    path: Path, *, media_type: str, password: str = "", on_progress: Callable[[int, int], None] | None = None
) -> Extraction:
    """Every page of the file as clean text. Raises UnreadableFile when the file itself is the trouble.

    `on_progress(pages read, pages in all)` is called from this process now and then, and at the end; what it
    raises ends the reading. ReaderLost, which says that the reading process was killed from outside, is worth another try.
    """
    if media_type == "application/pdf":
        return pages_of_pdf(path, password, on_progress)
    if media_type in ("text/plain", "text/markdown"):
        return pages_of_text(path, is_markdown=media_type == "text/markdown", on_progress=on_progress)
    raise UnreadableFile("unsupported")
