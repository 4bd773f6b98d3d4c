from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from documents.models import Collection, Document

if TYPE_CHECKING:
    from ragsite.accounts.models import User


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        """A conversation is its asker's alone; operators see them on their own pages only."""
        if not user.is_active:
            return self.none()
        if operating:
            return self.all() if user.has_perm("documents.operate") else self.none()
        return self.filter(user=user)


class Conversation(models.Model):
    """The questions one person asked in a row, and in which collections or document."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(_("title"), max_length=200, blank=True)
    collections = models.ManyToManyField(
        Collection, blank=True, related_name="+", help_text=_("None: all that the person may read.")
    )
    document = models.ForeignKey(
        Document,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Asked of this document alone."),
    )
    created_at = models.DateTimeField(_("begun"), auto_now_add=True)
    updated_at = models.DateTimeField(_("last question"), default=timezone.now)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")

    def __str__(self) -> str:
        return self.title or str(_("New conversation"))

    def get_absolute_url(self) -> str:
        return reverse("qa:conversation", args=[self.pk])

    @cached_property
    def readable_document(self) -> Document | None:
        """The one that alone is asked; None where there is none, or its asker may not read it any more."""
        return Document.objects.visible_to(self.user).filter(pk=self.document_id or 0).first()

    @property
    def readable_collections(self) -> models.QuerySet[Collection]:
        """Those that are asked, as far as the asker may read them."""
        return Collection.objects.visible_to(self.user).filter(pk__in=self.collections.all())
