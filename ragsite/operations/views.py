"""Operators' pages: they look at the whole site, and each needs the permission to operate it."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from documents import building, estimates
from documents.models import Index
from documents.models.index import IndexState
from ragsite import llm
from ragsite.operations.forms import NewIndexForm

operators_only = permission_required("documents.operate", raise_exception=True)


@require_safe
@login_required
@operators_only
def provider(request: HttpRequest) -> HttpResponse:
    return render(request, "operations/provider.html", about_provider() | {"form": NewIndexForm()})


@require_POST
@login_required
@operators_only
def test_provider(request: HttpRequest) -> HttpResponse:
    """One real call to each model; it may cost a fraction of a cent."""
    test = llm.test_provider(Index.objects.live().embedding_model)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "operations/_provider_test.html", {"test": test})
    return render(
        request, "operations/provider.html", about_provider() | {"form": NewIndexForm(), "test": test}
    )


@require_POST
@login_required
@operators_only
def build_index(request: HttpRequest) -> HttpResponse:
    """First says what it would cost; with `confirmed`, begins."""
    form = NewIndexForm(request.POST)
    if not form.is_valid():
        return render(request, "operations/provider.html", about_provider() | {"form": form}, status=422)
    model = form.cleaned_data["model"]
    if not request.POST.get("confirmed"):
        question = {
            "form": form,
            "estimate": estimates.of_reindexing(model),
            "model": llm.embedding_model(model),
        }
        return render(request, "operations/provider.html", about_provider() | question)
    try:
        building.begin(model)
    except llm.ProviderError as error:
        messages.error(request, f"{error.sentence} {error.remedy}")
    else:
        messages.success(
            request, _("The new index is being built. It goes live by itself when it is complete.")
        )
    return redirect("operations:provider")


def about_provider() -> dict[str, object]:
    live = Index.objects.live()
    return {
        "chat_model": llm.chat_model(),
        "chat_host": llm.host_of_chat() if llm.chat_model() else "",
        "live": live,
        "embedding_host": llm.host_of_embeddings(live.embedding_model),
        "embeds_here": llm.embedding_model(live.embedding_model).is_local,
        "indexes": Index.objects.exclude(state=IndexState.DRAFT)[:10],
        "has_key": bool(settings.OPENAI_API_KEY),
        "base_url_set": bool(settings.OPENAI_BASE_URL),
        "default_chat_model": settings.CHAT_MODEL,
        "prices_date": settings.MODEL_PRICES_DATE,
    }
