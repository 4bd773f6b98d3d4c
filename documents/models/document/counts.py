from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Count, Q, QuerySet, Value

from documents.models.collection import READABLE
from documents.models.document.document import Document
from documents.models.document.queryset import ASKABLE
from documents.models.states import MOVING, State
from ragsite.postgresql.compiled import Compiled

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from ragsite.accounts.models import User


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
