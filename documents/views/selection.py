"""Act on the selected documents of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from documents.models import Collection, Document, State
from documents.models.document import DocumentQuerySet
from documents.models.document.tags import tags_in
from documents.models.states import MOVING, SummaryState
from documents.work import remedies
from ragsite.http.query import primary_keys
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest


@login_required
@require_POST
def selected(request: SignedInRequest) -> HttpResponse:
    """Act on several documents. All may be asked; those that the person may not change are ignored otherwise."""
    chosen = primary_keys(request.POST.getlist("chosen"))
    readable = Document.objects.visible_to(request.user).filter(pk__in=chosen)
    documents = readable.editable_by(request.user).defer("embedding")
    action = request.POST.get("action", "")
    if action == "ask" and (asked := list(readable.askable().values_list("pk", flat=True))):
        return redirect(f"{reverse('home')}?{urlencode({'document': asked}, doseq=True)}")
    if not readable:
        messages.info(request, _("Select some documents first."))
    elif action == "ask":
        messages.info(request, _("None of these documents can be asked yet."))
    elif not documents:
        messages.info(request, _("You may read these documents, but not change them."))
    elif action == "delete" and "confirmed" not in request.POST:
        return render(request, "documents/delete.html", {"documents": documents})
    elif act := ACTIONS.get(action):
        act(request, documents)
    return redirect("documents:list")


def _retry(request: SignedInRequest, documents: DocumentQuerySet) -> None:
    stopped = Q(state__in=[State.FAILED, State.CANCELLED]) | Q(summary_state=SummaryState.FAILED)
    found = documents.filter(stopped)
    in_vain = found.filter(state=State.FAILED, failure_kind__in=remedies.in_vain()).count()
    count = found.replay()
    sentence = ngettext("Retrying %d document.", "Retrying %d documents.", count)
    messages.success(request, sentence % count)
    if in_vain:
        messages.warning(request, remedies.in_vain_words(in_vain))


def _refresh(request: SignedInRequest, documents: DocumentQuerySet) -> None:
    count = documents.web_pages().exclude(state__in=MOVING).fetch()
    sentence = ngettext("Checking %d web page again.", "Checking %d web pages again.", count)
    messages.success(request, sentence % count)


def _delete(request: SignedInRequest, documents: DocumentQuerySet) -> None:
    count = len([document.delete() for document in documents])
    sentence = ngettext("%d document was deleted.", "%d documents were deleted.", count)
    messages.success(request, sentence % count)


def _move(request: SignedInRequest, documents: DocumentQuerySet) -> None:
    keys = primary_keys([request.POST.get("collection", "")])
    collection = Collection.objects.editable_by(request.user).filter(pk__in=keys).first()
    if not collection:
        messages.error(request, _("Choose a collection to which you may add documents."))
        return
    total = documents.exclude(collection=collection).count()
    count = documents.move_into(collection)
    sentence = ngettext(
        "%(count)d document was moved to %(name)s.", "%(count)d documents were moved to %(name)s.", count
    )
    messages.success(request, sentence % {"count": count, "name": collection.name})
    if left := total - count:
        sentence = ngettext(
            "%d stayed where it is: it belongs to a folder, or the collection has it already.",
            "%d stayed where they are: they belong to a folder, or the collection has them already.",
            left,
        )
        messages.warning(request, sentence % left)


def _tag(request: SignedInRequest, documents: DocumentQuerySet) -> None:
    tags = tags_in(storable_text(request.POST.get("tags", "")))
    if not tags:
        messages.info(request, _("Enter a tag first."))
        return
    for document in documents:
        document.tag(tags) if request.POST["action"] == "tag" else document.untag(tags)
    sentence = ngettext(
        "The tags of %d document were changed.", "The tags of %d documents were changed.", len(documents)
    )
    messages.success(request, sentence % len(documents))


ACTIONS = {
    "retry": _retry,
    "refresh": _refresh,
    "delete": _delete,
    "move": _move,
    "tag": _tag,
    "untag": _tag,
}
