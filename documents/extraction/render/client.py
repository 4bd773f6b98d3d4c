"""Renders PDF pages in sandboxed children while a request waits: few at a time, each with a short timeout."""

import base64
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from documents.extraction.errors import UnreadableFile
from documents.extraction.sandbox.client import fork_server

MAX_RENDERERS = 2  # at a time, per web process
MAX_SECONDS = 5.0  # of wall time for one page
MAX_WAIT_SECONDS = 3.0  # for a free slot
MAX_SIZE = 24 * 1024 * 1024  # bytes of a PNG, far more than any real page needs
SIGNATURE = b"\x89PNG\r\n\x1a\n"


class RendererBusy(Exception):
    """All renderers are busy. A retry a little later may succeed."""


class RenderSlots:
    """Limits how many pages are rendered at a time, and gives each person one slot, in turn with others who wait."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.active: list[int | None] = []
        self.waiting: list[int | None] = []
        self.last: int | None = None
        self.changed = threading.Condition()

    @contextmanager
    def acquire(self, person: int | None) -> Iterator[None]:
        """Hold a slot. Raises RendererBusy if none becomes free in time."""
        with self.changed:
            self.waiting.append(person)
            has_slot = self.changed.wait_for(lambda: self._may_start(person), MAX_WAIT_SECONDS)
            self.waiting.remove(person)
            if not has_slot:
                self.changed.notify_all()  # others may have waited for this one
                raise RendererBusy
            self.active.append(person)
        try:
            yield
        finally:
            with self.changed:
                self.active.remove(person)
                self.last = person
                self.changed.notify_all()

    def _may_start(self, person: int | None) -> bool:
        if len(self.active) >= self.count or person in self.active:
            return False
        return person != self.last or not any(
            other != person and other not in self.active for other in self.waiting
        )


_slots = RenderSlots(MAX_RENDERERS)


class TextPlaces(NamedTuple):
    """The size of a page, and rectangles (left, top, width, height) as shares of it."""

    size: tuple[float, float]
    rectangles: Sequence[Sequence[float]]


def render_page(
    path: Path, number: int, width: int, password: str = "", *, person: int | None = None
) -> bytes | None:
    """Render page `number` (from 1) as a PNG, or return None if that fails. `person` is the id of the user who waits.

    Raises RendererBusy, and UnreadableFile for a missing or wrong password.
    """
    answer = _request(person, work="render", path=str(path), index=number - 1, width=width, password=password)
    if answer.get("reason") == "password":
        raise UnreadableFile("password", was_given=bool(password))
    if answer.get("kind") != "image":
        return None
    image = base64.b64decode(str(answer["png"]))
    return image if image.startswith(SIGNATURE) and len(image) <= MAX_SIZE else None


def locate_text(
    path: Path, number: int, ranges: Sequence[tuple[int, int]], person: int | None = None
) -> TextPlaces | None:
    """Locate ranges of the page's raw text, or return None if that fails. Raises RendererBusy."""
    answer = _request(person, work="locate", path=str(path), index=number - 1, ranges=list(ranges))
    if answer.get("kind") != "places":
        return None
    try:
        width, height = map(float, answer["size"])
        rectangles = [tuple(map(float, rectangle)) for rectangle in answer["rectangles"]]
    except (TypeError, ValueError, KeyError):
        return None
    return TextPlaces((width, height), [place for place in rectangles if len(place) == 4])


def _request(person: int | None, **request: Any) -> dict[str, Any]:
    """The first message of the child, or an empty one after the timeout."""
    with _slots.acquire(person):
        try:
            with closing(fork_server.read(max_silence=MAX_SECONDS, **request)) as messages:
                return next(messages, {})
        except TimeoutError:
            return {}
