"""What a limited child does with any kind of file but PDF: run one loader and send what it read, a page a message."""

import pkgutil
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from documents.extraction.errors import UnreadableFile
from documents.extraction.limits import MAX_CHARACTERS, MAX_PAGES
from documents.extraction.pages import ExtractedPage, Extraction

Message = dict[str, Any]

MAX_MESSAGE_CHARACTERS = 4_000_000  # characters, of which each may be six bytes on its way


def read(loader: str, path: str) -> Iterator[Message]:
    """The document's message, one for each page, then `done`; or `failed`. Running out of memory is the caller's to see."""
    try:
        load = pkgutil.resolve_name(loader)
    except Exception as error:
        yield {"kind": "failed", "reason": "no_loader", "error": place_of(error)}
        return
    try:
        extraction = load(Path(path))
    except MemoryError:
        raise
    except UnreadableFile as error:
        yield {"kind": "failed", "reason": error.kind, "details": error.details}
    except RecursionError:
        yield {"kind": "failed", "reason": "limit"}
    except Exception as error:  # whatever a parser throws at a broken file, the file is what is broken
        yield {"kind": "failed", "reason": "damaged", "error": place_of(error)}
    else:
        yield from messages(extraction)


def messages(extraction: Extraction) -> Iterator[Message]:
    pages, is_whole = extraction.pages, True
    if len(pages) > MAX_PAGES or sum(len(page.text) for page in pages) > MAX_CHARACTERS:
        pages, is_whole = list(within_limits(pages)), False
    yield {
        "kind": "document",
        "pages": len(pages),
        "title": extraction.title,
        "is_partial": extraction.is_partial or not is_whole,
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


def place_of(error: Exception) -> str:
    """Type and place, for the log: an exception's own words may quote the document."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where
