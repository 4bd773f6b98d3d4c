"""Pages of PDFs as pictures, painted by a limited child while somebody waits for them: a few at once, and not for long."""

import base64
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from documents.extraction.errors import UnreadableFile
from documents.extraction.sandbox.client import fork_server

AT_ONCE = 2  # in one process
PATIENCE = 5.0  # seconds for one, of wall time
TURN_SECONDS = 3.0  # that one may wait for its turn
MAX_SIZE = 24 * 1024 * 1024  # bytes of a picture; no page that is a page comes near it
SIGNATURE = b"\x89PNG\r\n\x1a\n"


class RendererBusy(Exception):
    """Too many want a picture at this moment; a little later it will do."""


class Turns:
    """So many at once, of one person only one, and who had the last one lets others go first: nobody keeps all painters busy."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken: list[int | None] = []
        self.waiting: list[int | None] = []
        self.last: int | None = None
        self.changed = threading.Condition()

    @contextmanager
    def turn(self, person: int | None) -> Iterator[None]:
        """Waits for it. Raises RendererBusy when it does not come in time."""
        with self.changed:
            self.waiting.append(person)
            has_come = self.changed.wait_for(lambda: self._may_begin(person), TURN_SECONDS)
            self.waiting.remove(person)
            if not has_come:
                self.changed.notify_all()  # somebody may have let this one go first
                raise RendererBusy
            self.taken.append(person)
        try:
            yield
        finally:
            with self.changed:
                self.taken.remove(person)
                self.last = person
                self.changed.notify_all()

    def _may_begin(self, person: int | None) -> bool:
        if len(self.taken) >= self.count or person in self.taken:
            return False
        return person != self.last or not any(
            other != person and other not in self.taken for other in self.waiting
        )


_turns = Turns(AT_ONCE)


class Places(NamedTuple):
    """Where words stand on a page: its width and height, and rectangles (left, top, width, height) as shares of them."""

    size: tuple[float, float]
    rectangles: Sequence[Sequence[float]]


def render_page(
    path: Path, number: int, width: int, password: str = "", *, person: int | None = None
) -> bytes | None:
    """The page (from 1) as a PNG; None where it cannot be painted. `person`: who waits for it. Raises RendererBusy, and
    UnreadableFile for a password."""
    answer = _asked(person, work="paint", path=str(path), index=number - 1, width=width, password=password)
    if answer.get("reason") == "password":
        raise UnreadableFile("password", was_given=bool(password))
    if answer.get("kind") != "picture":
        return None
    picture = base64.b64decode(str(answer["png"]))
    return picture if picture.startswith(SIGNATURE) and len(picture) <= MAX_SIZE else None


def locate_text(
    path: Path, number: int, ranges: Sequence[tuple[int, int]], person: int | None = None
) -> Places | None:
    """Where ranges of the page's raw text stand on it; None where that cannot be told. Raises RendererBusy."""
    answer = _asked(person, work="locate", path=str(path), index=number - 1, ranges=list(ranges))
    if answer.get("kind") != "places":
        return None
    try:
        width, height = map(float, answer["size"])
        rectangles = [tuple(map(float, rectangle)) for rectangle in answer["rectangles"]]
    except (TypeError, ValueError, KeyError):
        return None
    return Places((width, height), [place for place in rectangles if len(place) == 4])


def _asked(person: int | None, **request: Any) -> dict[str, Any]:
    """What the child says first; nothing where it says nothing in time."""
    with _turns.turn(person):
        try:
            with closing(fork_server.read(max_silence=PATIENCE, **request)) as messages:
                return next(messages, {})
        except TimeoutError:
            return {}
