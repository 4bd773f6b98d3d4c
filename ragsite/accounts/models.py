from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.translation import gettext_lazy as _


class Users(UserManager["User"]):
    def find(self, username: str | None = None) -> "User":
        """The person of that name, else the first operator: for commands and the shell. Raises User.DoesNotExist with a sentence."""
        people = self.filter(is_active=True)
        found = (
            people.filter(username=username) if username else people.filter(is_superuser=True).order_by("pk")
        )
        if person := found.first():
            return person
        raise self.model.DoesNotExist(
            f"There is no account {username!r}."
            if username
            else "There is no operator yet; open the site first."
        )


class User(AbstractUser):
    """A person. Staff are operators: on readers' pages they see what any reader sees."""

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
        """May see and replay everybody's work on the operators' pages."""
        return self.has_perm("documents.operate")
