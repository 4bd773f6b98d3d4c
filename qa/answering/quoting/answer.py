"""An answer made of quotes: its parts, and the exact stretches of the sources that they are taken from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from qa.answering import parts
from qa.answering.quoting.units import Unit
from qa.models.question import AnswerWay


@dataclass(frozen=True)
class Quote:
    """An exact stretch of a source. `excerpt` is the source's text with it, if it lies outside."""

    number: int
    start: int
    end: int
    text: str
    excerpt: str = ""
    excerpt_start: int = 0


@dataclass(frozen=True)
class Extract:
    """What the documents say to a question; `is_found` is False if they say nothing."""

    parts: list[parts.Part] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    way: AnswerWay = AnswerWay.QUOTES
    is_found: bool = True

    @property
    def text(self) -> str:
        """The answer as plain text."""
        return parts.plain_text(self.parts)

    def __add__(self, other: Extract) -> Extract:
        """Return both answers as one; it was found the way the first one was."""
        return Extract([*self.parts, *other.parts], [*self.quotes, *other.quotes], self.way)


def quote_of(units: Iterable[Unit]) -> Quote:
    """Return the stretch from the first to the last of these units of one source."""
    units = list(units)
    first, last = min(unit.start for unit in units), max(unit.end for unit in units)
    source, around = units[0].source, units[0].around
    assert around is not None
    start, end = min(first, source.start), max(last, source.end)
    is_inside = (start, end) == (source.start, source.end)
    excerpt = "" if is_inside else around.words(start, end)
    return Quote(source.number, first, last, around.words(first, last), excerpt, start)


def nothing_found() -> Extract:
    """Return the answer for a question that the documents do not answer: what to try instead, and no quotes."""
    sentences = [
        _("Nothing in your documents answers this."),
        _("Try other words, or add a document that does."),
        _("To see what there is, ask which documents you have."),
    ]
    return Extract([parts.Text(" ".join(sentences))], is_found=False)
