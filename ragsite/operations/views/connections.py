"""Set up models in the page: test a connection, save it, disconnect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ragsite.llm import configuration
from ragsite.llm.configuration import Role
from ragsite.llm.models import Connection
from ragsite.llm.presets import PRESETS, Preset, preset
from ragsite.operations import connecting
from ragsite.operations.connection_form import ConnectionForm, initial_of
from ragsite.operations.views.access import operators_only

if TYPE_CHECKING:
    from django.http import QueryDict

    from ragsite.accounts.requests import SignedInRequest


@require_POST
@login_required
@operators_only
def test_connection(request: SignedInRequest, role: str) -> HttpResponse:
    """Ask the server that was typed for its models, and call the chosen one. Saves nothing."""
    form = _form(request.POST, role, needs_model=False)
    attempted = connecting.attempt(form.connection()) if form.is_valid() else None
    context = card(form) | {"attempted": attempted}
    if request.htmx:
        return render(request, "operations/_connection_tested.html", context)
    return render(request, "operations/connect.html", {"cards": [context]})


@require_POST
@login_required
@operators_only
def save_connection(request: SignedInRequest, role: str) -> HttpResponse:
    form = _form(request.POST, role)
    if not form.is_valid():
        context = {"cards": [card(form)]}
        return render(request, "operations/connect.html", context, status=422)
    connecting.save(form.connection())
    messages.success(request, _("Saved. It is in effect now, without a restart."))
    return redirect("operations:provider")


@require_POST
@login_required
@operators_only
def disconnect(request: SignedInRequest, role: str) -> HttpResponse:
    if connecting.disconnect(_known(role)):
        messages.success(request, _("Disconnected. The key was deleted."))
    else:
        messages.warning(request, _("Kept: a search index was built with this model and needs it."))
    return redirect("operations:provider")


def cards(query: QueryDict) -> list[dict[str, object]]:
    """What the page shows for each role; `?chat=ollama` fills a form with a preset."""
    return [_empty_card(role, preset(query.get(role, ""))) for role in Role]


def card(form: ConnectionForm, chosen: Preset | None = None) -> dict[str, object]:
    return {
        "preset": chosen,
        "form": form,
        "role": form.role,
        "saved": form.saved,
        "presets": PRESETS,
        "is_set_by_environment": configuration.is_set_by_environment(form.role),
    }


def _empty_card(role: Role, chosen: Preset | None) -> dict[str, object]:
    saved = Connection.objects.of(role)
    return card(ConnectionForm(role, saved, initial=initial_of(saved, chosen, role)), chosen)


def _form(data: QueryDict, name: str, *, needs_model: bool = True) -> ConnectionForm:
    role = _known(name)
    form = ConnectionForm(role, Connection.objects.of(role), data)
    form.fields["model"].required = needs_model
    return form


def _known(name: str) -> Role:
    if name not in Role.values or configuration.is_set_by_environment(Role(name)):
        raise Http404
    return Role(name)
