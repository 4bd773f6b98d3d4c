from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from documents.models import Collection, Document, Version
from qa.models.conversation import Conversation
from qa.models.question import Question
from qa.models.share import Share

if TYPE_CHECKING:
    from ragsite.accounts.models import User


def _may_be_read_by(user: User) -> models.Q:
    exists = models.Q(document__in=Document.objects.visible_to(user))
    is_deleted = models.Q(document=None, collection__in=Collection.objects.visible_to(user))
    return exists | is_deleted


class CitationQuerySet(models.QuerySet["Citation"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        return self.filter(question__in=Question.objects.visible_to(user, operating=operating))

    def of_shares(self, tokens: Iterable[str], user: User) -> Self:
        """Citations in conversations that were shared by one of these links, of sources that the user may read."""
        shared = Conversation.objects.filter(shares__in=Share.objects.valid().filter(token__in=list(tokens)))
        return self.filter(question__conversation__in=shared).readable_by(user)

    def readable_by(self, user: User) -> Self:
        """Citations whose words the user may see; see `Citation.is_readable`."""
        return self.filter(_may_be_read_by(user))

    def with_rights(self, user: User) -> Self:
        """Annotate `may_read`: whether the citation is one of `readable_by(user)`."""
        return self.annotate(may_read=models.ExpressionWrapper(_may_be_read_by(user), models.BooleanField()))

    def with_serving(self) -> Self:
        """Annotate the version that the document serves now, for `is_superseded`, and the media type of the cited file."""
        return self.annotate(
            serving_id=models.F("document__serving"), media_type=models.F("version__media_type")
        )

    def cited(self) -> Self:
        return self.filter(is_cited=True)

    def around(self, citation: Citation) -> tuple[Citation | None, Citation | None]:
        """The cited sources of the same answer before and after this one, by number; None at the ends."""
        others = list(self.cited().filter(question=citation.question_id).order_by("number"))
        before = [other for other in others if other.number < citation.number]
        after = [other for other in others if other.number > citation.number]
        return before[-1] if before else None, after[0] if after else None


class Citation(models.Model):
    """A numbered source of an answer, as it was when the answer ended. It keeps its text after the document is deleted."""

    may_read: bool  # annotated by `with_rights`

    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="citations")
    number = models.PositiveIntegerField(_("number"))
    document = models.ForeignKey(
        Document, null=True, blank=True, on_delete=models.SET_NULL, related_name="citations"
    )
    collection = models.ForeignKey(
        Collection,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_(
            "The document's collection: its members may read the excerpt after the document is deleted."
        ),
    )
    version = models.ForeignKey(Version, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    document_title = models.CharField(_("document"), max_length=255)
    page = models.PositiveIntegerField(_("page"))
    page_end = models.PositiveIntegerField(_("last page"))
    page_label = models.CharField(_("page label"), max_length=40, blank=True)
    heading_path = models.JSONField(_("headings"), default=list, blank=True)
    excerpt = models.TextField(_("excerpt"), help_text=_("The text that the model was given."))
    start = models.PositiveBigIntegerField(help_text=_("Of the excerpt, in the document's text."))
    end = models.PositiveBigIntegerField()
    quote = models.TextField(_("quote"), blank=True)
    quote_start = models.PositiveBigIntegerField(null=True, blank=True)
    quote_end = models.PositiveBigIntegerField(null=True, blank=True)
    is_cited = models.BooleanField(_("cited in the answer"), default=False)
    is_confirmed = models.BooleanField(_("quoted words found in the excerpt"), default=True)
    score = models.FloatField(_("score"), null=True, blank=True)

    media_type: str | None = ""  # of the cited version; annotated by `with_serving`

    objects = CitationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["question", "number"], name="unique_citation_number")]
        ordering = ["question", "number"]
        verbose_name = _("citation")
        verbose_name_plural = _("citations")

    def __str__(self) -> str:
        return f"[{self.number}] {self.document_title}, {self.page}"

    @property
    def is_readable(self) -> bool:
        """Whether the asker may read the document, or its collection once the document is deleted.

        An unsaved citation is readable: retrieval found it among the asker's documents.
        """
        if not hasattr(self, "may_read"):
            asker = None if self._state.adding else self.question.conversation.user
            self.may_read = asker is None or Citation.objects.readable_by(asker).filter(pk=self.pk).exists()
        return self.may_read

    @property
    def shown_title(self) -> str:
        """The document's title, or a substitute if the asker may not read it."""
        return self.document_title if self.is_readable else str(_("A document you can no longer open"))

    @property
    def is_superseded(self) -> bool:
        """Whether the document serves another version now. Needs `with_serving`."""
        serving_id = getattr(self, "serving_id", None)
        return serving_id is not None and serving_id != self.version_id
