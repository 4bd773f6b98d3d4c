"""Extract pages from files: `extract_pages` for the worker, `sniff` for the upload form.

Sandboxed processes import this package too: nothing here may import Django or a PDF library.
"""

import pkgutil
from collections.abc import Callable
from pathlib import Path

from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import ExtractedPage, Extraction, Heading
from documents.extraction.registry import SANDBOXES_ITSELF, loader_for
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
    """Return every page of a file as clean text. Raises UnreadableFile if the file itself is at fault.

    The ending of `name` may select a loader. `on_progress(pages read, pages in total)` is called from this process
    now and then and at the end; an exception it raises ends the reading. ReaderLost means that the sandboxed process
    was killed from outside, so a retry may succeed.
    """
    loader = loader_for(media_type, name)
    if not loader:
        raise UnreadableFile("unsupported")
    if loader in SANDBOXES_ITSELF:
        return pkgutil.resolve_name(loader)(path, password=password, on_progress=on_progress)
    return load_in_sandbox(loader, path, on_progress)
