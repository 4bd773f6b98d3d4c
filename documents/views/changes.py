"""What has changed since an open page last asked: one request for all that it watches, and for its reader's notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from documents.models import Document, Notice
from documents.views.documents import listed
from documents.views.watched import PARTS, Watched, watch

if TYPE_CHECKING:
    from ragsite.accounts.models import User

MAX_NOTICES = 3  # told at once
NOTHING_NEW = 204
NOTHING_TO_COME = 286  # htmx's sign that asking again is of no use


@require_GET
@never_cache
def changes(request: HttpRequest) -> HttpResponse:
    """200 with the parts that show something else now, each for its place; 204 where none does; 286 where none will."""
    user = request.user
    if not user.is_authenticated:
        return HttpResponse(status=NOTHING_TO_COME)
    watched = list(Watched.read(request.GET.getlist("watch")))
    documents = _documents(user, watched)
    parts = [_part(request, one, documents.get(one.document_id)) for one in watched]
    if news := "".join([*parts, _notices(request, user)]):
        response = HttpResponse(news)
        if any(_outgrew_its_page(one, documents.get(one.document_id)) for one in watched):
            response["HX-Refresh"] = "true"
        return response
    return HttpResponse(status=NOTHING_NEW if _is_under_way(user, documents, watched) else NOTHING_TO_COME)


def _documents(user: User, watched: list[Watched]) -> dict[int, Document]:
    pks = {one.document_id for one in watched}
    return {document.pk: document for document in listed(user).filter(pk__in=pks)} if pks else {}


def _part(request: HttpRequest, watched: Watched, document: Document | None) -> str:
    """The part as it is now; empty where it still shows what is so."""
    if document is None:  # deleted, or no longer theirs to read
        return format_html('<div hx-swap-oob="delete:{}"></div>', watched.place)
    if watch(document, watched.part).endswith(f"-{watched.fingerprint}"):
        return ""
    is_chosen = str(document.pk) in request.GET.getlist("chosen")
    context = {"document": document, "is_chosen": is_chosen, "place": watched.place}
    return render_to_string(PARTS[watched.part], context, request)


def _outgrew_its_page(watched: Watched, document: Document | None) -> bool:
    """A document's page has more to show once the work is done than its part about the work, and nothing once it is gone."""
    return watched.part == "state" and (document is None or not document.is_moving)


def _notices(request: HttpRequest, user: User) -> str:
    """What has become ready or failed. Each is told once, however many tabs are open."""
    with transaction.atomic():
        unseen = Notice.objects.unseen_by(user).select_for_update(skip_locked=True)
        pks = list(unseen.values_list("pk", flat=True)[:MAX_NOTICES])
        if not pks:
            return ""
        Notice.objects.filter(pk__in=pks).mark_seen()
    news = Notice.objects.filter(pk__in=pks).select_related("document").defer("document__embedding")
    return render_to_string("documents/_notices.html", {"notices": news}, request)


def _is_under_way(user: User, documents: dict[int, Document], watched: list[Watched]) -> bool:
    """Whether a page is worth another look: something it shows is not final, or a notice is to be expected."""
    if any(watch(documents[one.document_id], one.part) for one in watched):
        return True
    return Document.objects.visible_to(user).filter(uploaded_by=user).moving().exists()
