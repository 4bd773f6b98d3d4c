from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from documents.models import Collection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragsite.accounts.models import User

MAX_LENGTH = 4_000  # characters; they are sent with every question


class InstructionsQuerySet(models.QuerySet["Instructions"]):
    def current(self) -> Self:
        """The newest version of each collection."""
        return self.order_by("collection_id", "-number").distinct("collection_id")

    def write(self, collection: Collection, text: str, author: User) -> Instructions:
        """Save the text as the collection's newest version; the newest itself if its text is the same."""
        with transaction.atomic():
            Collection.objects.select_for_update(no_key=True).get(pk=collection.pk)
            newest = self.filter(collection=collection).order_by("-number").first()
            if newest and newest.text == text:
                return newest
            number = newest.number + 1 if newest else 1
            return self.create(collection=collection, number=number, text=text, author=author)


class Instructions(models.Model):
    """One version of how a model should answer from a collection's documents. Empty: as the project's default says."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="instructions")
    number = models.PositiveIntegerField(_("version"))
    text = models.TextField(_("text"), blank=True, max_length=MAX_LENGTH)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("written"), auto_now_add=True)

    objects = InstructionsQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "number"], name="unique_instructions_version")
        ]
        ordering = ["collection_id", "-number"]
        verbose_name = _("answering instructions")
        verbose_name_plural = _("answering instructions")

    def __str__(self) -> str:
        return f"{self.collection}, {self.number}"


def instructions_for(
    versions: Iterable[Instructions], collections: Iterable[int | None]
) -> Instructions | None:
    """Return the version that holds for an answer from these collections, or None for the project's default.

    Where several collections bring instructions of their own, none may speak for the others' documents: the default holds.
    """
    given = set(collections)
    own = [version for version in versions if version.text and version.collection_id in given]
    return own[0] if len(own) == 1 else None
