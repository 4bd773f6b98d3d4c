"""Export a conversation as a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qa.exporting import as_json, as_markdown
from qa.models import Conversation
from qa.provenance import BY_A_MODEL

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest


@login_required
@require_safe
@never_cache
def export(request: SignedInRequest, pk: int, kind: str) -> HttpResponse:
    """The conversation as Markdown (`md`) or JSON (`json`), marked where a model wrote it."""
    own = Conversation.objects.visible_to(request.user).select_related("user")
    conversation = get_object_or_404(own, pk=pk)
    exported = as_json(conversation)
    if kind == "md":
        response = HttpResponse(as_markdown(exported), content_type="text/markdown; charset=utf-8")
    elif kind == "json":
        text = json.dumps(exported, ensure_ascii=False, indent=2)
        response = HttpResponse(text, content_type="application/json")
    else:
        raise Http404
    if "digitalSourceType" in exported:
        response["Digital-Source-Type"] = BY_A_MODEL
    name = slugify(conversation.title)[:60] or "conversation"
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response
