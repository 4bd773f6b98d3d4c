from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Count, Min, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Now

from documents.models.collection import READABLE
from documents.models.document.document import Document
from documents.models.document.queryset import ASKABLE
from documents.models.states import MOVING, State
from ragsite.postgresql.compiled import Compiled

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from ragsite.accounts.models import User

TOGETHER = timedelta(hours=1)  # of a batch, whose first documents are ready before its last ones


class DocumentCounts(NamedTuple):
    """How many documents a person may read, and how many of those failed, are being processed, can answer."""

    total: int = 0
    failed: int = 0
    moving: int = 0
    askable: int = 0


def counts_for(user: User | AnonymousUser) -> DocumentCounts:
    """Count the documents that the user may read, in one query."""
    return DocumentCounts(*COUNTS.rows(user.pk)[0]) if user.pk and user.is_active else DocumentCounts()


def _count(person: int) -> QuerySet[Any, Any]:
    documents = Document.objects.filter(collection__in=READABLE.subquery(person)).order_by()
    conditions = {
        "total": None,
        "failed": Q(state=State.FAILED),
        "moving": Q(state__in=MOVING),
        "askable": ASKABLE,
    }
    counts = {name: Count("pk", filter=condition) for name, condition in conditions.items()}
    # A constant to group by: one row for all of them.
    return documents.values(whole=Value(1)).annotate(**counts).values_list(*counts)


COUNTS = Compiled(_count)


class Batch(NamedTuple):
    """How many of the documents that a person added together are ready, failed, and still being processed."""

    total: int
    ready: int
    failed: int
    moving: int

    @property
    def is_shown(self) -> bool:
        """Whether there is something to say about several documents."""
        return self.total > 1 and bool(self.moving or self.failed)


def batch_of(user: User) -> Batch:
    """The documents that the user added since an hour before the oldest one that is still being processed, in one query."""
    own = Document.objects.visible_to(user).filter(uploaded_by=user).order_by()
    oldest = own.moving().values(whole=Value(1)).annotate(at=Min("created_at")).values("at")
    together = own.filter(created_at__gte=Coalesce(Subquery(oldest), Now()) - TOGETHER)
    counts = together.aggregate(
        total=Count("pk"),
        ready=Count("pk", filter=Q(state=State.READY)),
        failed=Count("pk", filter=Q(state=State.FAILED)),
        moving=Count("pk", filter=Q(state__in=MOVING)),
    )
    return Batch(**counts)
