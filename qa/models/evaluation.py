from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from documents.models import Collection, Document, Index


class QuestionSet(models.Model):
    """Questions with known sources, to compare indexes."""

    name = models.CharField(_("name"), max_length=200)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="question_sets")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("question set")
        verbose_name_plural = _("question sets")

    def __str__(self) -> str:
        return self.name


class Case(models.Model):
    """A question and the place of its answer: a range of a document's text, or a page."""

    question_set = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="cases")
    text = models.TextField(_("question"))
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    page = models.PositiveIntegerField(_("page"), null=True, blank=True)
    start = models.PositiveBigIntegerField(null=True, blank=True)
    end = models.PositiveBigIntegerField(null=True, blank=True)
    expected = models.TextField(_("words expected in the answer"), blank=True)

    class Meta:
        ordering = ["question_set", "pk"]
        verbose_name = _("case")
        verbose_name_plural = _("cases")

    def __str__(self) -> str:
        return self.text[:80]


class Evaluation(models.Model):
    """The scores of an index on a question set."""

    question_set = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="evaluations")
    index = models.ForeignKey(Index, on_delete=models.CASCADE, related_name="evaluations")
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    scores = models.JSONField(_("scores"), default=dict, blank=True)

    class Meta:
        ordering = ["-started_at"]
        verbose_name = _("evaluation")
        verbose_name_plural = _("evaluations")

    def __str__(self) -> str:
        return f"{self.question_set}: {self.index}"
