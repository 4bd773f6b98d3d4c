"""Sandboxed request for every format but PDF: run one loader and send its pages."""

import pkgutil
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from documents.extraction.errors import UnreadableFile
from documents.extraction.limits import MAX_CHARACTERS, MAX_PAGES
from documents.extraction.pages import ExtractedPage, Extraction

Message = dict[str, Any]

MAX_MESSAGE_CHARACTERS = 4_000_000  # each may take six bytes as JSON


def read(loader: str, path: str) -> Iterator[Message]:
    """Yield `document`, a `page` for each page and `done`, or `failed`. MemoryError is left to the caller."""
    try:
        load = pkgutil.resolve_name(loader)
    except Exception as error:
        yield {"kind": "failed", "reason": "no_loader", "error": location_of(error)}
        return
    try:
        extraction = load(Path(path))
    except MemoryError:
        raise
    except UnreadableFile as error:
        yield {"kind": "failed", "reason": error.kind, "details": error.details}
    except RecursionError:
        yield {"kind": "failed", "reason": "limit"}
    except Exception as error:  # parsers raise any kind of error on a broken file
        yield {"kind": "failed", "reason": "damaged", "error": location_of(error)}
    else:
        yield from messages(extraction)


def messages(extraction: Extraction) -> Iterator[Message]:
    """Yield the extraction as messages, cut to the limits of one document."""
    pages, is_complete = extraction.pages, True
    if len(pages) > MAX_PAGES or sum(len(page.text) for page in pages) > MAX_CHARACTERS:
        pages, is_complete = list(within_limits(pages)), False
    yield {
        "kind": "document",
        "pages": len(pages),
        "title": extraction.title,
        "is_partial": extraction.is_partial or not is_complete,
        "metadata": extraction.metadata,
    }
    for page in pages:
        yield {"kind": "page", **vars(page), "text": page.text[:MAX_MESSAGE_CHARACTERS], "runs": []}
        for start in range(MAX_MESSAGE_CHARACTERS, len(page.text), MAX_MESSAGE_CHARACTERS):
            yield {"kind": "more", "text": page.text[start : start + MAX_MESSAGE_CHARACTERS]}
    yield {"kind": "done"}


def within_limits(pages: Sequence[ExtractedPage]) -> Iterator[ExtractedPage]:
    left = MAX_CHARACTERS
    for page in pages[:MAX_PAGES]:
        if not left:
            return
        page.text = page.text[:left]
        left -= len(page.text)
        yield page


def location_of(error: Exception) -> str:
    """Return type, file and line for the log; the exception's message may quote the document."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where
