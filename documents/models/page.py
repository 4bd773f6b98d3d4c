from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models.functions import Length, Substr
from django.utils.translation import gettext_lazy as _

from documents.extraction.pages import Heading
from documents.models.version import Version

if TYPE_CHECKING:
    from ragsite.accounts.models import User


PART_LENGTH = 20_000  # characters of a part of a long page; a text up to half as long again is one part
BREAK_WINDOW = 500  # characters before the end of a part, searched for the end of a line


@dataclass(frozen=True)
class Part:
    """One part of a text, from `start` to `end`: part `number` of `count`."""

    text: str
    start: int
    end: int
    number: int = 1
    count: int = 1

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.count else None


def part_of(read: Callable[[int, int], str], length: int, number: int) -> Part:
    """Part `number` of a text of `length` characters, loaded by `read(start, end)`. All parts joined are the text."""
    count = max(1, round(length / PART_LENGTH))
    number = min(max(1, number), count)
    nominal = (number - 1) * PART_LENGTH
    before = min(nominal, BREAK_WINDOW)
    text = read(nominal - before, length if number == count else number * PART_LENGTH)
    first = _last_break(text[:before]) if before else 0
    last = len(text) if number == count else _last_break(text)
    start = nominal - before + first
    return Part(text[first:last], start, start + last - first, number, count)


def _last_break(text: str) -> int:
    """Where to end the part: after the last line, or at least the last word."""
    floor = max(0, len(text) - BREAK_WINDOW)
    place = text.rfind("\n", floor)
    if place < 0:
        place = text.rfind(" ", floor)
    return place + 1 if place >= 0 else len(text)


class Problem(models.TextChoices):
    NO_TEXT = "no_text", _("no text, probably scanned")
    GARBLED = "garbled", _("garbled text")
    UNREADABLE = "unreadable", _("unreadable")


# Keys in a page's report: the OCR program that was run on it, with or without result, and why it failed.
TRIED = "ocr_engine"
OCR_ERROR = "ocr_error"
A4 = (595.0, 842.0)  # in points


class PageQuerySet(models.QuerySet["Page"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        return self.filter(version__in=Version.objects.visible_to(user, operating=operating))

    def readable(self) -> Self:
        return self.filter(problem="")

    def clear_failed_ocr(self) -> None:
        """Let OCR run again on pages where it found nothing: a program or its languages may be installed by now."""
        for page in self.filter(report__has_key=TRIED, ocr_text="").only("report"):
            report = {name: value for name, value in page.report.items() if name not in (TRIED, OCR_ERROR)}
            Page.objects.filter(pk=page.pk).update(report=report)

    def in_parts(self) -> Self:
        """Defer their texts, which may be as large as a file: `page.part()` loads what is shown."""
        return self.defer("text", "ocr_text", "word_places").annotate(length=Length("text"))


class Page(models.Model):
    """The cleaned text of one page, and its problem if there is one."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField(_("number"), help_text=_("From 1, in the order of the file."))
    label = models.CharField(
        _("label"), max_length=40, blank=True, help_text=_("As printed on the page, such as iv.")
    )
    text = models.TextField(_("text"), blank=True)
    start = models.PositiveBigIntegerField(
        help_text=_("Offset of this page in the document's text, in characters.")
    )
    runs = models.JSONField(
        default=list,
        help_text=_(
            "[start in this text, start in the raw text, length] of each run that cleaning left unchanged."
        ),
    )
    headings = models.JSONField(
        default=list, help_text=_("[start in this text, level, title] of each heading.")
    )
    ocr_text = models.TextField(_("OCR text"), blank=True, help_text=_("The report names the program."))
    word_places = models.JSONField(
        default=list,
        blank=True,
        help_text=_(
            "[start, end, left, top, right, bottom] of each word of the OCR text, in ten-thousandths of the image's width and height."
        ),
    )
    problem = models.CharField(_("problem"), max_length=12, choices=Problem, blank=True)

    report = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("Measured during extraction: characters, garbled share, OCR program."),
    )

    objects = PageQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "number"], name="unique_page_number")]
        ordering = ["version", "number"]
        verbose_name = _("page")
        verbose_name_plural = _("pages")

    def __str__(self) -> str:
        return f"{self.version}, {self.number}"

    @property
    def name(self) -> str:
        """Its name in citations: the printed label first, if it differs from the number."""
        if self.label and self.label != str(self.number):
            return _("%(label)s (%(number)s)") % {"label": self.label, "number": self.number}
        return str(self.number)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points, as displayed; A4 if unknown."""
        width, height = self.report.get("size") or A4
        return (width, height) if width > 0 and height > 0 else A4

    def part(self, number: int = 1) -> Part:
        """One part of its text, loaded alone if the text is deferred. Most pages have one part."""
        return part_of(self._slice, self.characters, number)

    def headings_in(self, part: Part) -> list[Heading]:
        """The headings that begin in the part, with their offsets in it."""
        return [
            Heading(at - part.start, level, title)
            for at, level, title in self.headings
            if part.start <= at < part.end
        ]

    def part_at(self, place: int) -> Part:
        """The part that contains the character at that offset."""
        part = self.part(place // PART_LENGTH + 1)
        return self.part(part.number + 1) if place >= part.end and part.next else part

    @property
    def characters(self) -> int:
        """The length of its text, counted by the database if the text is deferred."""
        if "text" not in self.get_deferred_fields():
            return len(self.text)
        length: int | None = getattr(self, "length", None)
        if length is None:
            length = Page.objects.filter(pk=self.pk).values_list(Length("text"), flat=True).get()
        return length

    def _slice(self, start: int, end: int) -> str:
        if "text" not in self.get_deferred_fields():
            return self.text[start:end]
        return Page.objects.values_list(Substr("text", start + 1, end - start), flat=True).get(pk=self.pk)
