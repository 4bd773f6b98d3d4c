"""Views for the running answer: its stream of server-sent events, and stopping it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from asgiref.sync import async_to_sync
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from qa import streaming
from qa.models import Question
from ragsite.accounts.sessions import user_of_session
from ragsite.database import release_connection

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest


@login_required
@require_safe
def stream(request: SignedInRequest, pk: int) -> StreamingHttpResponse:
    """Stream the answer after the last event that the browser received. Safe to repeat."""
    question = get_object_or_404(Question.objects.visible_to(request.user), pk=pk)
    # An open stream would otherwise hold this request's database connection until it ends.
    release_connection()
    reader = partial(user_of_session, request.session.session_key)
    events = streaming.answer_events(question, request.headers.get("Last-Event-ID", ""), reader=reader)
    headers = {"Cache-Control": "private, no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)


@login_required
@require_POST
def stop(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask the process that writes the answer to stop."""
    question = get_object_or_404(
        Question.objects.visible_to(request.user).select_related("conversation"), pk=pk
    )
    async_to_sync(streaming.request_stop)(question)
    return HttpResponse(status=204) if request.htmx else redirect(question.conversation)
