from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from qa.models.scope import Scoped

if TYPE_CHECKING:
    from ragsite.accounts.models import User

MAX_WORDS = 10  # of a search; each is one condition


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        """Conversations of the user; with `operating`, all of them for an operator's pages."""
        if not user.is_active:
            return self.none()
        if operating:
            return self.all() if user.has_perm("documents.operate") else self.none()
        return self.filter(user=user)

    def holding(self, words: str) -> Self:
        """Conversations with these words in their title, a question or an answer."""
        found = self
        for word in words.split()[:MAX_WORDS]:
            asked = self.model.objects.filter(
                Q(questions__text__icontains=word) | Q(questions__answer__icontains=word)
            )
            found = found.filter(Q(title__icontains=word) | Q(pk__in=asked.values("pk")))
        return found


class Conversation(Scoped):
    """A series of questions by one user. Its scope is that of the next question."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(_("title"), max_length=200, blank=True)
    is_pinned = models.BooleanField(
        _("pinned"), default=False, help_text=_("Pinned ones come first in the menu.")
    )
    created_at = models.DateTimeField(_("started"), auto_now_add=True)
    updated_at = models.DateTimeField(_("last question"), default=timezone.now)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-is_pinned", "-updated_at"]
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")

    def __str__(self) -> str:
        return self.title or str(_("New conversation"))

    def get_absolute_url(self) -> str:
        return reverse("qa:conversation", args=[self.pk])
