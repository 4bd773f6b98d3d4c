from __future__ import annotations

from datetime import timedelta
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Self

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from qa.models.conversation import Conversation

if TYPE_CHECKING:
    from ragsite.accounts.models import User


def new_token() -> str:
    return token_urlsafe(24)


class ShareQuerySet(models.QuerySet["Share"]):
    def visible_to(self, user: User) -> Self:
        """The links that this user made."""
        return self.filter(conversation__in=Conversation.objects.visible_to(user))

    def valid(self) -> Self:
        """Links that have not expired, of people whose accounts are active."""
        return self.filter(expires_at__gt=timezone.now(), conversation__user__is_active=True)

    def make(self, conversation: Conversation, days: int) -> Share:
        return self.create(conversation=conversation, expires_at=timezone.now() + timedelta(days=days))


class Share(models.Model):
    """A link to a conversation, to read only. A signed-in person who has it sees what they may read of its sources."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="shares")
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))

    objects = ShareQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("shared link")
        verbose_name_plural = _("shared links")

    def __str__(self) -> str:
        return str(self.conversation)

    def get_absolute_url(self) -> str:
        return reverse("qa:shared", args=[self.token])

    @property
    def is_valid(self) -> bool:
        return self.expires_at > timezone.now()
