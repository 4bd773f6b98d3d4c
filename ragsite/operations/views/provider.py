"""The page "Language model": the models in use, a test of each, and a new search index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from documents.ingestion import estimates, rebuild
from documents.models import Index
from documents.models.index import IndexState
from ragsite import llm
from ragsite.operations.forms import NewIndexForm
from ragsite.operations.spending import describe_estimate
from ragsite.operations.views import connections
from ragsite.operations.views.access import operators_only

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest


@require_safe
@login_required
@operators_only
def provider(request: SignedInRequest) -> HttpResponse:
    return _render_page(request, form=NewIndexForm())


@require_POST
@login_required
@operators_only
def test_provider(request: SignedInRequest) -> HttpResponse:
    """Make one real call to each model; it may cost a fraction of a cent."""
    test = llm.test_provider(Index.objects.live_model())
    if request.htmx:
        return render(request, "operations/_provider_test.html", {"test": test})
    return _render_page(request, form=NewIndexForm(), test=test)


@require_POST
@login_required
@operators_only
def build_index(request: SignedInRequest) -> HttpResponse:
    """Show the estimated cost first; with `confirmed`, start building."""
    form = NewIndexForm(request.POST)
    if not form.is_valid():
        return _render_page(request, status=422, form=form)
    model = form.cleaned_data["model"]
    if not request.POST.get("confirmed"):
        estimate = describe_estimate(estimates.estimate_reindexing(model), llm.embedding_model(model))
        return _render_page(request, form=form, estimate=estimate)
    try:
        rebuild.begin(model)
    except llm.ProviderError as error:
        messages.error(request, f"{error.sentence} {error.advice}")
    else:
        messages.success(
            request, _("The new index is being built. It goes live automatically when it is complete.")
        )
    return redirect("operations:provider")


def _render_page(request: SignedInRequest, *, status: int = 200, **context: object) -> HttpResponse:
    context = _models_in_use() | {"cards": connections.cards(request.GET)} | context
    return render(request, "operations/provider.html", context, status=status)


def _models_in_use() -> dict[str, object]:
    embedding = Index.objects.live_model() or llm.default_embedding_model()
    host = llm.host_of_embeddings(embedding)
    return {
        "chat_model": llm.chat_model(),
        "chat_host": llm.host_of_chat() if llm.chat_model() else "",
        "reranker": llm.LOCAL_RERANKER if llm.has_reranker() else "",
        "embedding_model": embedding,
        "embedding_host": host,
        "embeds_here": not host,
        "indexes": Index.objects.exclude(state=IndexState.DRAFT)[:10],
        "breakers": llm.breakers(),
    }
