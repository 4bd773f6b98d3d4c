"""A conversation that was shared by a link: to read only, within what the reader may see of its sources."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qa.answering.history import grouped_by_original
from qa.choices import mark_asked_of
from qa.models import Citation, Question, Share
from qa.models.question import AnswerKind, mark_withheld
from qa.provenance import json_ld

if TYPE_CHECKING:
    from ragsite.accounts.models import User
    from ragsite.accounts.requests import SignedInRequest

OPENED = "opened_shares"  # in the session
MAX_OPENED = 20


@login_required
@require_safe
@never_cache
def shared(request: SignedInRequest, token: str) -> HttpResponse:
    """The questions and newest answers; what draws on documents that the reader may not open is withheld."""
    share = get_object_or_404(Share.objects.valid().select_related("conversation__user"), token=token)
    _remember(request, token)
    questions = _questions_for(share, request.user)
    context = {"share": share, "questions": questions, "written_answers": json_ld(questions)}
    response = render(request, "qa/shared.html", context)
    response["Referrer-Policy"] = "no-referrer"  # the address is the permission
    response["X-Robots-Tag"] = "noindex"
    return response


def opened_tokens(request: HttpRequest) -> list[str]:
    """The links that this person opened, newest last; expired and revoked ones open nothing."""
    return list(request.session.get(OPENED, []))


def _remember(request: SignedInRequest, token: str) -> None:
    if token not in (known := opened_tokens(request)):
        request.session[OPENED] = [*known, token][-MAX_OPENED:]


def _questions_for(share: Share, reader: User) -> list[Question]:
    sources = Citation.objects.with_serving().with_rights(reader).order_by("number")
    answered = share.conversation.questions.select_related("conversation__user", "instructions__collection")
    groups = grouped_by_original(answered.prefetch_related(Prefetch("citations", queryset=sources)))
    newest = [question for question in (rows[-1] for rows in groups) if not question.is_running]
    mark_withheld(chain(newest), reader)
    mark_asked_of(newest, reader)
    for question in newest:
        # What an answer draws on may be unknown, of one from before this was recorded: its asker alone may read it.
        is_unknown = question.kind in (AnswerKind.WRITTEN, AnswerKind.QUOTED, "") and not question.draws_on
        if is_unknown and share.conversation.user_id != reader.pk and not question.is_harmless:
            question.is_withheld = True
    return newest
