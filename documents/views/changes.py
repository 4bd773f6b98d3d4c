"""Poll for changes: one request for every part that an open page watches, and for the person's notices."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from documents.models import Document, Notice
from documents.models.document.counts import batch_of
from documents.presentation.watched import PARTS, Watched, watch
from documents.views.access import listed_documents

if TYPE_CHECKING:
    from ragsite.accounts.models import User

MAX_NOTICES = 100  # in one response
TOGETHER = timedelta(minutes=1)  # notices seen within it share one toast
NOT_CHANGED = 204
STOP_POLLING = 286  # htmx stops polling


@require_GET
@never_cache
def changes(request: HttpRequest) -> HttpResponse:
    """200 with the parts that changed, as out-of-band swaps; 204 if none did; 286 if none will."""
    user = request.user
    if not user.is_authenticated:
        return HttpResponse(status=STOP_POLLING)
    watched = list(Watched.parse(request.GET.getlist("watch")))
    documents = _documents(user, watched)
    parts = [_part(request, one, documents.get(one.document_id)) for one in watched]
    if swaps := "".join([*parts, _notices(request, user)]):
        if "batch" in request.GET:
            context = {"batch": batch_of(user), "is_swap": True}
            swaps += render_to_string("documents/_batch.html", context, request)
        response = HttpResponse(swaps)
        if any(_needs_whole_page(one, documents.get(one.document_id)) for one in watched):
            response["HX-Refresh"] = "true"
        return response
    return HttpResponse(status=NOT_CHANGED if _is_polling_useful(user, documents, watched) else STOP_POLLING)


def _documents(user: User, watched: list[Watched]) -> dict[int, Document]:
    pks = {one.document_id for one in watched}
    return {document.pk: document for document in listed_documents(user).filter(pk__in=pks)} if pks else {}


def _part(request: HttpRequest, watched: Watched, document: Document | None) -> str:
    """The part as an out-of-band swap; empty if it has not changed."""
    if document is None:  # deleted, or no longer visible to this person
        return format_html('<div hx-swap-oob="delete:{}"></div>', watched.place)
    if watch(document, watched.part).endswith(f"-{watched.fingerprint}"):
        return ""
    is_chosen = str(document.pk) in request.GET.getlist("chosen")
    context = {"document": document, "is_chosen": is_chosen, "place": watched.place}
    return render_to_string(PARTS[watched.part], context, request)


def _needs_whole_page(watched: Watched, document: Document | None) -> bool:
    """Whether more of a document's page changed than the watched part: the work is done, or the document is gone."""
    return watched.part == "state" and (document is None or not document.is_moving)


def _notices(request: HttpRequest, user: User) -> str:
    """What became ready or failed. The row lock delivers each notice once, however many tabs are open."""
    with transaction.atomic():
        unseen = Notice.objects.unseen_by(user).select_for_update(skip_locked=True)
        pks = list(unseen.values_list("pk", flat=True)[:MAX_NOTICES])
        if not pks:
            return ""
        Notice.objects.filter(pk__in=pks).mark_seen()
    together = Notice.objects.filter(user=user, seen_at__gt=timezone.now() - TOGETHER)
    failed = list(together.values_list("is_failure", flat=True))
    if len(failed) > 1:
        context = {"ready": failed.count(False), "failed": failed.count(True)}
        return render_to_string("documents/_notices_together.html", context, request)
    notice = Notice.objects.select_related("document").defer("document__embedding").get(pk=pks[0])
    return render_to_string("documents/_notices.html", {"notices": [notice]}, request)


def _is_polling_useful(user: User, documents: dict[int, Document], watched: list[Watched]) -> bool:
    """Whether something on the page will still change, or a notice may come."""
    if any(watch(documents[one.document_id], one.part) for one in watched):
        return True
    return Document.objects.visible_to(user).filter(uploaded_by=user).moving().exists()
