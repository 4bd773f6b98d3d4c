from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models.functions import Length, Substr
from django.utils.translation import gettext_lazy as _

from documents.models.part import LENGTH, Part, part_of
from documents.models.version import Version

if TYPE_CHECKING:
    from ragsite.accounts.models import User


class Problem(models.TextChoices):
    NO_TEXT = "no_text", _("no text, probably scanned")
    GARBLED = "garbled", _("garbled text")
    UNREADABLE = "unreadable", _("unreadable")


TRIED = "recognised_by"  # key in a page's report: the OCR program that was run on it, with or without result
A4 = (595.0, 842.0)  # in points


class PageQuerySet(models.QuerySet["Page"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        return self.filter(version__in=Version.objects.visible_to(user, operating=operating))

    def readable(self) -> Self:
        return self.filter(problem="")

    def clear_failed_ocr(self) -> None:
        """Let OCR run again on pages where it found nothing: a program or its languages may be installed by now."""
        for page in self.filter(report__has_key=TRIED, recognised="").only("report"):
            report = {
                name: value for name, value in page.report.items() if name not in (TRIED, "not_recognised")
            }
            Page.objects.filter(pk=page.pk).update(report=report)

    def in_parts(self) -> Self:
        """Defer their texts, which may be as large as a file: `page.part()` loads what is shown."""
        return self.defer("text", "recognised", "word_places").annotate(length=Length("text"))


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
    recognised = models.TextField(_("OCR text"), blank=True, help_text=_("The report names the program."))
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

    def part_at(self, place: int) -> Part:
        """The part that contains the character at that offset."""
        part = self.part(place // LENGTH + 1)
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
