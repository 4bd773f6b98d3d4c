"""Tokens by what providers said, and money as far as prices are known here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.utils import timezone

from documents.models import Attempt
from qa.models import Question
from ragsite import llm


@dataclass(frozen=True)
class Spent:
    """`cost` is a part of it where a price is not known: then it is not complete."""

    documents: int
    questions: int
    cost: Decimal
    is_complete: bool


def spent_today() -> Spent:
    """Since midnight where the reader is."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    cost, is_complete, tokens = Decimal(0), True, 0
    spent = Attempt.objects.filter(started_at__gte=midnight, tokens__gt=0).order_by()
    for stage, model, count in spent.values_list("stage", "task__index__embedding_model").annotate(
        Sum("tokens")
    ):
        tokens += count
        # The ledger has one sum for a summary, whose reading and writing cost differently.
        price = llm.price(model or "", count, 0) if stage == "embed" else None
        cost, is_complete = cost + (price or 0), is_complete and price is not None
    asked = Question.objects.filter(created_at__gte=midnight).aggregate(
        read=Sum("input_tokens"),
        written=Sum("output_tokens"),
        paid=Sum("cost"),
        unpriced=Count("pk", filter=Q(input_tokens__gt=0, cost=None)),
    )
    return Spent(
        documents=tokens,
        questions=(asked["read"] or 0) + (asked["written"] or 0),
        cost=cost + (asked["paid"] or 0),
        is_complete=is_complete and not asked["unpriced"],
    )
