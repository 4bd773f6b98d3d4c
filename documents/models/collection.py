from __future__ import annotations

from typing import TYPE_CHECKING, Self
from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from ragsite.accounts.models import User


class Role(models.TextChoices):
    READER = "reader", _("reader")
    EDITOR = "editor", _("editor")
    OWNER = "owner", _("owner")


class CollectionQuerySet(models.QuerySet["Collection"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        """What the user may read. With `operating`: everything for operators of the site, nothing for others."""
        if not user.is_active:  # anonymous or deactivated
            return self.none()
        if operating:
            return self.all() if user.has_perm("documents.operate") else self.none()
        return self.filter(
            models.Q(everyone_reads=True)
            | models.Q(pk__in=Membership.objects.filter(user=user).values("collection"))
        )

    def editable_by(self, user: User) -> Self:
        """Where the user may add, replace and delete. Operators may edit the collections that everyone reads."""
        if not user.is_active:
            return self.none()
        editing = Membership.objects.filter(user=user, role__in=[Role.EDITOR, Role.OWNER])
        theirs = models.Q(pk__in=editing.values("collection"))
        return self.filter(
            theirs | models.Q(everyone_reads=True) if user.has_perm("documents.operate") else theirs
        )

    def owned_by(self, user: User) -> Self:
        """Where the user decides on members and settings. Operators decide on the collections that everyone reads."""
        if not user.is_active:
            return self.none()
        owning = Membership.objects.filter(user=user, role=Role.OWNER)
        theirs = models.Q(pk__in=owning.values("collection"))
        return self.filter(
            theirs | models.Q(everyone_reads=True) if user.has_perm("documents.operate") else theirs
        )

    def private_to(self, user: User) -> Collection:
        """The user's private collection, created on first use. Safe for concurrent requests."""
        collection, created = self.get_or_create(private_to=user, defaults={"name": str(_("My documents"))})
        if created:
            Membership.objects.get_or_create(user=user, collection=collection, defaults={"role": Role.OWNER})
        return collection


class Collection(models.Model):
    """A set of documents with its members. Its `stamp` changes whenever its searchable content changes."""

    name = models.CharField(_("name"), max_length=200)
    private_to = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("private to"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="shelf",
    )
    everyone_reads = models.BooleanField(_("every member may read it"), default=False)
    # Not a counter: after a restore it would reach numbers again that caches have seen with other content.
    stamp = models.UUIDField(_("content stamp"), default=uuid4, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("collection")
        verbose_name_plural = _("collections")

    def __str__(self) -> str:
        return self.name

    def change_stamp(self) -> None:
        """Invalidate answers cached from the old content. Call it inside the transaction that changes the content."""
        type(self).objects.filter(pk=self.pk).update(stamp=RandomUUID())


class Membership(models.Model):
    """A user's role in a collection."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.READER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "user"], name="unique_member_per_collection")
        ]
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}, {self.collection}"
