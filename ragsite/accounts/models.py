from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.translation import gettext_lazy as _


class Users(UserManager["User"]):
    def find(self, username: str | None = None) -> "User":
        """Return the user of that name, by default the first operator. Raises User.DoesNotExist with a sentence."""
        users = self.filter(is_active=True)
        found = (
            users.filter(username=username) if username else users.filter(is_superuser=True).order_by("pk")
        )
        if user := found.first():
            return user
        raise self.model.DoesNotExist(
            f"No account is named {username!r}."
            if username
            else "No operator exists yet. Open the site to create the first account."
        )


class User(AbstractUser):
    """A user. Staff are operators; on readers' pages they see only what any reader sees."""

    mail_when_ready = models.BooleanField(
        _("mail me when a document is ready or has failed"),
        default=False,
        help_text=_("Sent only where the site can send mail and an address is given."),
    )

    objects: ClassVar = Users()

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @property
    def is_operator(self) -> bool:
        """Whether the user may see and retry everyone's jobs on the operator pages."""
        return self.has_perm("documents.operate")
