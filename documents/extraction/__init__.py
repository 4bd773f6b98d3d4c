"""From a file to its pages: `extract_pages` for the worker, `sniff` for the upload form.

The limited reading processes import this package too: nothing here may import Django or a PDF library.
"""

import pkgutil
from collections.abc import Callable
from pathlib import Path

from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import ExtractedPage, Extraction, Heading
from documents.extraction.registry import LIMITS_ITSELF, loader_for
from documents.extraction.sandbox.client import start_fork_server
from documents.extraction.sandbox.follow import ReaderLost
from documents.extraction.sandbox.load import load_in_sandbox
from documents.extraction.sniffing import sniff

__all__ = [
    "ExtractedPage",
    "Extraction",
    "Heading",
    "ReaderLost",
    "UnreadableFile",
    "extract_pages",
    "sniff",
    "start_fork_server",
]


def extract_pages(
    path: Path,
    *,
    media_type: str,
    name: str = "",
    password: str = "",
    on_progress: Callable[[int, int], None] | None = None,
) -> Extraction:
    """Every page of the file as clean text. Raises UnreadableFile when the file itself is the trouble.

    `name` is the file's own, whose ending may have a loader. `on_progress(pages read, pages in all)` is called from
    this process now and then, and at the end; what it raises ends the reading. ReaderLost, which says that the
    reading process was killed from outside, is worth another try.
    """
    loader = loader_for(media_type, name)
    if not loader:
        raise UnreadableFile("unsupported")
    if loader in LIMITS_ITSELF:
        return pkgutil.resolve_name(loader)(path, password=password, on_progress=on_progress)
    return load_in_sandbox(loader, path, on_progress)
