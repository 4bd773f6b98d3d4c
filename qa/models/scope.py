"""What a question is asked of: everything its asker may read, or chosen documents and collections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from documents.models import Collection, Document
from documents.models.document import DocumentQuerySet


@dataclass(frozen=True)
class Scope:
    """The primary keys of chosen documents and collections; without any, everything. It gives no right to read them."""

    documents: frozenset[int] = frozenset()
    collections: frozenset[int] = frozenset()

    @classmethod
    def of(cls, *rows: Document | Collection) -> Self:
        """The scope of these documents and collections."""
        return cls(
            frozenset(row.pk for row in rows if isinstance(row, Document)),
            frozenset(row.pk for row in rows if isinstance(row, Collection)),
        )

    @property
    def is_everything(self) -> bool:
        return not (self.documents or self.collections)

    @property
    def only_document(self) -> int | None:
        """The document, if nothing else was chosen."""
        return next(iter(self.documents)) if len(self.documents) == 1 and not self.collections else None

    def __len__(self) -> int:
        return len(self.documents) + len(self.collections)

    @property
    def columns(self) -> dict[str, list[int]]:
        """The values of a row with this scope."""
        return {"document_ids": sorted(self.documents), "collection_ids": sorted(self.collections)}

    def narrow(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        """Return those of the documents that are in the scope. Deleted choices widen nothing."""
        if self.is_everything:
            return documents
        chosen = Q(pk__in=sorted(self.documents)) if self.documents else Q()
        if self.collections:
            chosen |= Q(collection__in=sorted(self.collections))
        return documents.filter(chosen)


EVERYTHING = Scope()


class Scoped(models.Model):
    """A row with a scope. It holds plain numbers: of a deleted document it still knows that something was chosen."""

    document_ids = ArrayField(
        models.BigIntegerField(), verbose_name=_("chosen documents"), default=list, blank=True
    )
    collection_ids = ArrayField(
        models.BigIntegerField(),
        verbose_name=_("chosen collections"),
        default=list,
        blank=True,
        help_text=_("Without a chosen document or collection: all documents the user may read."),
    )

    class Meta:
        abstract = True

    @property
    def scope(self) -> Scope:
        return Scope(frozenset(self.document_ids), frozenset(self.collection_ids))

    @scope.setter
    def scope(self, scope: Scope) -> None:
        for name, keys in scope.columns.items():
            setattr(self, name, keys)
