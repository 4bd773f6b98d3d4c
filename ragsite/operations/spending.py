"""Tokens as reported by providers, and cost where the price of the model is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from documents.ingestion.estimates import Estimate
from documents.models import Attempt
from qa.models import Question
from ragsite import llm


@dataclass(frozen=True)
class Spent:
    """Tokens and cost. The cost is a lower bound unless `is_complete`: some prices are unknown."""

    documents: int
    questions: int
    cost: Decimal
    is_complete: bool

    @property
    def cost_label(self) -> str:
        if self.is_complete:
            return f"${self.cost:.4f}"
        return _("at least $%.4f") % self.cost if self.cost else _("price unknown")


def midnight_today() -> datetime:
    """Return the last midnight in the reader's time zone."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def support_today() -> str:
    """Return how many sentences of today's written answers their sources support, or "" if none was checked."""
    checked, supported = Question.objects.filter(created_at__gte=midnight_today()).support()
    counts = {"supported": f"{supported:,}", "checked": f"{checked:,}"}
    return _("%(supported)s of %(checked)s") % counts if checked else ""


def spent_today() -> Spent:
    """Return what was spent since midnight in the reader's time zone."""
    midnight = midnight_today()
    cost, is_complete, tokens = Decimal(0), True, 0
    spent = Attempt.objects.filter(started_at__gte=midnight, tokens__gt=0).order_by()
    for stage, model, count in spent.values_list("stage", "task__index__embedding_model").annotate(
        Sum("tokens")
    ):
        tokens += count
        # The ledger has one token count per summary, but input and output tokens have different prices.
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


def describe_estimate(estimate: Estimate, model: llm.EmbeddingModel) -> str:
    """Return the size and price of building an index with that model."""
    size = _("About %(chunks)s chunks and %(tokens)s tokens.") % {
        "chunks": f"{estimate.chunks:,}",
        "tokens": f"{estimate.tokens:,}",
    }
    return f"{size} {_describe_price(estimate, model)}"


def _describe_price(estimate: Estimate, model: llm.EmbeddingModel) -> str:
    if model.is_local:
        return _("Built on this machine, at no cost.")
    if estimate.price is None:
        return _("The price of this model is unknown.")
    return _("About $%(price).4f at the prices of %(date)s.") % {
        "price": estimate.price,
        "date": settings.MODEL_PRICES_DATE,
    }
