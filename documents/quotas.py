"""Storage quotas: how much each person may store, and how much they have stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _

from documents.extraction import UnreadableFile
from ragsite.postgresql.compiled import Compiled

MB = 1024 * 1024
WARNING_SHARE = 0.8  # of a limit, from which the page shows how much is left


class QuotaExceeded(UnreadableFile):
    """A document or version that exceeds its owner's storage quota. The message does not name the owner."""

    def __init__(self, sentence: str) -> None:
        super().__init__("quota_exceeded")
        self._sentence = sentence

    @property
    def sentence(self) -> str:
        return self._sentence

    @property
    def remedy(self) -> str:
        return _(
            "Delete documents you no longer need, or ask the operator of this site for a higher storage limit."
        )


@dataclass(frozen=True)
class StorageQuota:
    """What a person stores in all collections: documents, and the bytes of all their versions. A limit of 0 means unlimited."""

    documents: int
    size: int

    @property
    def max_documents(self) -> int:
        return settings.MAX_DOCUMENTS_PER_PERSON

    @property
    def max_size(self) -> int:
        return settings.MAX_MB_PER_PERSON * MB

    @property
    def is_nearly_full(self) -> bool:
        """Whether one of the limits is at least 80 % used."""
        usage = ((self.documents, self.max_documents), (self.size, self.max_size))
        return any(limit and used >= WARNING_SHARE * limit for used, limit in usage)

    def check(self, *, documents: int, size: int) -> None:
        """Raise QuotaExceeded if adding this many documents and bytes would exceed a limit."""
        if documents and self.max_documents and self.documents + documents > self.max_documents:
            raise QuotaExceeded(
                _("Storage limit reached: each person may store up to %(limit)s documents.")
                % {"limit": f"{self.max_documents:,}"}
            )
        if self.max_size and self.size + size > self.max_size:
            raise QuotaExceeded(
                _("Storage limit reached: each person may store up to %(limit)s MB.")
                % {"limit": f"{settings.MAX_MB_PER_PERSON:,}"}
            )


def quota_of(person_id: int) -> StorageQuota:
    """The quota of that person, with what counts against it now."""
    ((documents, size),) = STORED.rows(person_id) or [(0, 0)]
    return StorageQuota(documents, int(size or 0))


def _stored(person: int) -> QuerySet[Any, Any]:
    # Over the user's own relations: the models import this module, not the other way round.
    counted = {"count": Count("documents", distinct=True), "size": Sum("documents__versions__size")}
    return get_user_model().objects.filter(pk=person).annotate(**counted).values_list(*counted)


STORED = Compiled(_stored)


def reserve(person_id: int | None, *, documents: int = 0, size: int = 0) -> None:
    """Raise QuotaExceeded if this does not fit into the person's quota. Call it in the transaction that adds the rows.

    Locks the person's row: concurrent transactions that add for the same person wait for this one and count its rows.
    """
    if person_id is None or not (settings.MAX_DOCUMENTS_PER_PERSON or settings.MAX_MB_PER_PERSON):
        return
    list(get_user_model().objects.select_for_update(no_key=True).filter(pk=person_id).values_list("pk"))
    quota_of(person_id).check(documents=documents, size=size)
