from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from documents.models.document import Document

if TYPE_CHECKING:
    from ragsite.accounts.models import User


class NoticeQuerySet(models.QuerySet["Notice"]):
    def unseen_by(self, user: User) -> Self:
        """Unseen notices of documents that the user may still read."""
        return self.filter(user=user, seen_at__isnull=True, document__in=Document.objects.visible_to(user))

    def mark_seen(self) -> int:
        return self.update(seen_at=timezone.now())


class Notice(models.Model):
    """ "Your document is ready" or failed: shown once, on the next page that the user loads."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="notices")
    is_failure = models.BooleanField(_("failure"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    seen_at = models.DateTimeField(_("seen"), null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user"], condition=models.Q(seen_at=None), name="unseen_notices")]
        ordering = ["pk"]
        verbose_name = _("notice")
        verbose_name_plural = _("notices")

    def __str__(self) -> str:
        return f"{self.document} ({self.user})"
