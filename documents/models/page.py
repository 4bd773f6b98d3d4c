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
    GARBLED = "garbled", _("its text makes no sense")
    UNREADABLE = "unreadable", _("could not be read")


TRIED = "recognised_by"  # in a page's report: which program has looked for text in its picture, whatever came of it


PAPER = (595.0, 842.0)


class PageQuerySet(models.QuerySet["Page"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        return self.filter(version__in=Version.objects.visible_to(user, operating=operating))

    def readable(self) -> Self:
        return self.filter(problem="")

    def forget_vain_reading(self) -> None:
        """Pictures in which nothing was read are looked at again: a program or its languages may be there by now."""
        for page in self.filter(report__has_key=TRIED, recognised="").only("report"):
            report = {
                name: value for name, value in page.report.items() if name not in (TRIED, "not_recognised")
            }
            Page.objects.filter(pk=page.pk).update(report=report)

    def in_parts(self) -> Self:
        """Without their texts, which may be as large as a file: `page.part()` reads what is shown."""
        return self.defer("text", "recognised", "word_places").annotate(length=Length("text"))


class Page(models.Model):
    """The cleaned text of one page, and what is wrong with it."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField(_("number"), help_text=_("From 1, as the file counts."))
    label = models.CharField(
        _("label"), max_length=40, blank=True, help_text=_("As printed on the page, such as iv.")
    )
    text = models.TextField(_("text"), blank=True)
    start = models.PositiveBigIntegerField(
        help_text=_("Where this page begins in the document's text, in characters.")
    )
    runs = models.JSONField(
        default=list,
        help_text=_(
            "[start in this text, start in the raw text, length] of each piece the cleaning left alone."
        ),
    )
    headings = models.JSONField(
        default=list, help_text=_("[start in this text, level, title] of each heading known for certain.")
    )
    recognised = models.TextField(
        _("text in its picture"), blank=True, help_text=_("As it was read there; its report says by what.")
    )
    word_places = models.JSONField(
        default=list,
        blank=True,
        help_text=_(
            "[start, end, left, top, right, bottom] of each word in that text, in ten-thousandths of the picture's sides."
        ),
    )
    problem = models.CharField(_("problem"), max_length=12, choices=Problem, blank=True)

    report = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("What was noted while it was read: characters, garbled share, engine."),
    )

    objects = PageQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "number"], name="one_page_a_number")]
        ordering = ["version", "number"]
        verbose_name = _("page")
        verbose_name_plural = _("pages")

    def __str__(self) -> str:
        return f"{self.version}, {self.number}"

    @property
    def name(self) -> str:
        """How a citation names it: the printed label first, where it differs from the count."""
        if self.label and self.label != str(self.number):
            return _("%(label)s (%(number)s)") % {"label": self.label, "number": self.number}
        return str(self.number)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points, as it is shown; those of A4 where they are not known."""
        width, height = self.report.get("size") or PAPER
        return (width, height) if width > 0 and height > 0 else PAPER

    def part(self, number: int = 1) -> Part:
        """One part of its text, read alone where the text was left in the database; most pages are short and have one."""
        return part_of(self._slice, self.characters, number)

    def part_at(self, place: int) -> Part:
        """The part in which that character of its text stands."""
        part = self.part(place // LENGTH + 1)
        return self.part(part.number + 1) if place >= part.end and part.next else part

    @property
    def characters(self) -> int:
        """How long its text is, counted by the database where the text was left there."""
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
