"""The page before cleaning, which is also the message that a sandboxed child sends for each page of a PDF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

LOST = 0.5  # share of garbage characters from which the text of a page is dropped


@dataclass
class RawPage:
    """The raw text of a page, its lines as read_lines() returns them, and what the reader found out about it."""

    text: str
    lines: Sequence[Sequence[float]] = ()
    engine: str = "pdfium"
    failure: str = ""
    garbled: float = 0.0
    size: Sequence[float] = ()
    hidden: Mapping[str, int] = field(default_factory=dict)
    has_images: bool = False
    # The share of the page that the largest image covers
    covered: float = 0.0
    is_full_page_image: bool = False
    is_illustrated: bool = False

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Self:
        """Convert a message, whose sender may be under the control of a hostile file."""
        return cls(
            text=str(message["text"]),
            lines=list(message.get("lines") or ()),
            engine=str(message["engine"]),
            failure=str(message.get("failure") or ""),
            garbled=float(message.get("garbled") or 0),
            size=[float(side) for side in message.get("size") or ()],
            hidden={str(kind): int(count) for kind, count in dict(message.get("hidden") or {}).items()},
            has_images=bool(message.get("has_images")),
            covered=float(message.get("covered") or 0),
            is_full_page_image=bool(message.get("is_full_page_image")),
            is_illustrated=bool(message.get("is_illustrated")),
        )

    def as_message(self, index: int) -> dict[str, Any]:
        """The message for the page with this index."""
        return {"kind": "page", "index": index, **vars(self)}

    @property
    def usable_text(self) -> str:
        """The text, or nothing if too much of it is garbage."""
        return "" if self.garbled >= LOST else self.text
