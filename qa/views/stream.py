"""Views for the running answer: its stream of server-sent events, and stopping it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.decorators import login_required
from django.db import connections
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from qa import streaming
from qa.models import Question
from ragsite.accounts.sessions import user_of_session

if TYPE_CHECKING:
    from ragsite.accounts.models import User
    from ragsite.accounts.requests import SignedInRequest


@login_required
@require_safe
async def stream(request: SignedInRequest, pk: int) -> StreamingHttpResponse:
    """Stream the answer after the last event that the browser received. Safe to repeat."""
    user = cast("User", await request.auser())
    # In the thread of the request's database connection: streams that each waited for a second one could deadlock.
    question = await sync_to_async(Question.objects.visible_to(user).filter(pk=pk).first)()
    if question is None:
        raise Http404
    # An open stream would otherwise hold this request's database connection until it ends.
    await sync_to_async(connections.close_all)()
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
