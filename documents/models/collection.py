from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models, transaction
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from ragsite.postgresql.compiled import Compiled

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
        return self.filter(pk__in=readable_by(user))

    def editable_by(self, user: User) -> Self:
        """Where the user may add, replace and delete. Operators may edit the collections that everyone reads."""
        return self.filter(pk__in=editable_by(user))

    def owned_by(self, user: User) -> Self:
        """Where the user decides on members and settings. Operators decide on the collections that everyone reads."""
        if not user.is_active:
            return self.none()
        return self.with_role(user.pk, [Role.OWNER], or_shared=user.has_perm("documents.operate"))

    def with_role(self, person: int, roles: Sequence[str], *, or_shared: bool) -> Self:
        """Where the person with that number has one of the roles; `or_shared`: also what everyone reads."""
        memberships = Membership.objects.filter(user=person, role__in=roles)
        theirs = models.Q(pk__in=memberships.values("collection"))
        return self.filter(models.Q(everyone_reads=True) | theirs if or_shared else theirs)

    def to_add_to(self, user: User) -> Self:
        """Where the user may add documents, loaded; their private collection is among them."""
        found = self.editable_by(user)
        if not any(collection.private_to_id == user.pk for collection in found):
            own = self.private_to(user)
            # Whoever lowered the role in the administration meant another collection: people own their own.
            Membership.objects.filter(user=user, collection=own).update(role=Role.OWNER)
            found = found.all()
        return found

    def private_to(self, user: User) -> Collection:
        """The user's private collection, created on first use. Safe for concurrent requests."""
        # One transaction: nobody sees the collection without its owner, who could not add to it.
        with transaction.atomic():
            collection, _new = self.get_or_create(private_to=user, defaults={"name": str(_("My documents"))})
            Membership.objects.get_or_create(user=user, collection=collection, defaults={"role": Role.OWNER})
        return collection


def readable_by(user: User) -> RawSQL | CollectionQuerySet:
    """What the user may read, as the right-hand side of `in`: compiled once, because a page asks for it several times."""
    return READABLE.subquery(user.pk) if user.is_active else Collection.objects.none()


def editable_by(user: User) -> RawSQL | CollectionQuerySet:
    """As `readable_by`: where the user may add, replace and delete."""
    if not user.is_active:
        return Collection.objects.none()
    return EDITABLE[user.has_perm("documents.operate")].subquery(user.pk)


def _numbers(roles: Sequence[str], *, or_shared: bool) -> Compiled:
    def build(person: int) -> models.QuerySet[Any, Any]:
        return Collection.objects.with_role(person, roles, or_shared=or_shared).order_by().values("pk")

    return Compiled(build)


READABLE = _numbers(Role.values, or_shared=True)
EDITABLE = {
    is_operator: _numbers([Role.EDITOR, Role.OWNER], or_shared=is_operator) for is_operator in (True, False)
}


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
