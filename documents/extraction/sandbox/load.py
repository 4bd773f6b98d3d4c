"""Run a loader in a sandboxed process and build the extraction from its messages, which are untrusted."""

import logging
from pathlib import Path
from typing import Any

from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import ExtractedPage, Extraction, Heading
from documents.extraction.sandbox.follow import (
    MAX_LOST_CHILDREN,
    Message,
    Progress,
    ReaderLost,
    SandboxedRead,
)
from ragsite.storable import storable_at_same_length, storable_json

logger = logging.getLogger(__name__)

MAX_TITLE_LENGTH = 300
PROBLEMS = ("", "no_text", "garbled", "unreadable")


def load_in_sandbox(loader: str, path: Path, on_progress: Progress | None = None) -> Extraction:
    """Return the loader's extraction. Raises UnreadableFile if it fails, ReaderLost if its process is killed."""
    for _attempt in range(MAX_LOST_CHILDREN):
        read = LoaderRead(loader, path, on_progress)
        reason = read.run()
        if not reason:
            return read.extraction()
        if reason != "lost":
            raise UnreadableFile(reason)
    raise ReaderLost


class LoaderRead(SandboxedRead):
    """One run of a loader: the messages that arrived, and what the run cost."""

    def __init__(self, loader: str, path: Path, on_progress: Progress | None = None) -> None:
        super().__init__(on_progress)
        self.loader = loader
        self.path = path
        self.document: Message = {}
        self.pages: list[Message] = []

    def run(self) -> str:
        """Run the loader in a sandboxed child. Return why it ended early, or an empty string."""
        return self.follow_child(loader=self.loader, path=str(self.path.resolve()))

    def accept(self, message: Message) -> None:
        kind = message.get("kind")
        if kind == "document":
            self.document = message
        elif kind == "page":
            self.pages.append({**message, "text": str(message.get("text") or "")})
            self.report_progress(len(self.pages), int(self.document.get("pages") or len(self.pages)))
        elif kind == "more" and self.pages:
            self.pages[-1]["text"] += str(message.get("text"))
        elif kind == "failed":
            self._fail(message)
        elif kind == "done":
            self.is_finished = True

    def _fail(self, message: Message) -> None:
        if message.get("error"):
            logger.warning("The loader %s failed: %s", self.loader, _line(message["error"], 200))
        details = message.get("details")
        raise UnreadableFile(str(message.get("reason")), **(details if isinstance(details, dict) else {}))

    def extraction(self) -> Extraction:
        try:
            pages = [page_from(message, number) for number, message in enumerate(self.pages, 1)]
        except (TypeError, ValueError):  # a third-party loader returned malformed headings
            raise UnreadableFile("damaged") from None
        if not any(page.text.strip() for page in pages):
            raise UnreadableFile("empty")
        return Extraction(
            pages,
            len(pages),
            title=_line(self.document.get("title"), MAX_TITLE_LENGTH),
            is_partial=bool(self.document.get("is_partial")),
            metadata=storable_json(self.document.get("metadata") or {}),
        )


def page_from(message: Message, number: int) -> ExtractedPage:
    """Validate a page message and make its text storable. Raises TypeError or ValueError for a malformed one."""
    text = storable_at_same_length(str(message.get("text") or ""))
    headings = [
        Heading(int(offset), min(max(int(level), 1), 9), _line(title, MAX_TITLE_LENGTH))
        for offset, level, title in message.get("headings") or ()
        if 0 <= int(offset) <= len(text) and _line(title, MAX_TITLE_LENGTH)
    ]
    problem = str(message.get("problem") or "")
    return ExtractedPage(
        number,
        _line(message.get("label"), 40) or str(number),
        text,
        [[0, 0, len(text)]] if text else [],
        sorted(headings),
        problem if problem in PROBLEMS else "unreadable",
        {"characters": solid_length(text), **storable_json(message.get("report") or {})},
    )


def _line(text: Any, max_length: int) -> str:
    return " ".join(storable_at_same_length(str(text or "")[: 2 * max_length]).split())[:max_length].strip()
