"""List the documents, and act on the selected ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from documents.filters import DocumentFilter
from documents.forms import AddForm, PagesForm, PasteForm, UploadForm
from documents.models import Collection, Document, State
from documents.models.document import DocumentQuerySet, counts_for
from documents.models.states import MOVING, SummaryState
from documents.views.access import listed_documents, load_tasks
from documents.work import remedies
from ragsite.http.query import primary_keys

if TYPE_CHECKING:
    from ragsite.accounts.models import User
    from ragsite.accounts.requests import SignedInRequest

PAGE_SIZE = 50


@login_required
@require_safe
def documents(request: SignedInRequest) -> HttpResponse:
    """The documents that the person may see, and the forms to add more."""
    form = DocumentFilter(request.GET)
    counts = request.document_counts = counts_for(request.user)
    shown = _shown(request, form, counts.total)
    context = {
        "filter": form,
        "documents": shown,
        **_add_forms(request.user),
        "unread_scan": next((document for document in shown if document.is_unread_scan), None),
        "any_moving": any(document.is_moving for document in shown),
        "has_any": counts.total > 0,
    }
    return render(request, "documents/list.html", context)


def _shown(request: SignedInRequest, form: DocumentFilter, total: int) -> Page[Any]:
    """The documents of the page in the address, out of `total` that the person may see, with what their rows show."""
    matching = form.apply(Document.objects.visible_to(request.user))
    pages: Paginator[Any] = Paginator(matching.values("pk"), PAGE_SIZE)
    if not form.is_active:
        pages.count = total  # instead of a second query
    shown = pages.get_page(request.GET.get("page"))
    # Only the rows of the page are joined with what they show: joined first, ten thousand would be sorted.
    rows = listed_documents(request.user).prefetch_related(None).filter(pk__in=shown.object_list)
    shown.object_list = list(form.in_order(rows))
    load_tasks(shown)
    return shown


def _add_forms(user: User) -> dict[str, AddForm]:
    """The forms to add documents, which share the choice of collections."""
    collections = Collection.objects.to_add_to(user)
    return {
        "upload_form": UploadForm(user=user, collections=collections),
        "folder_form": UploadForm(user=user, collections=collections, auto_id="folder-%s"),
        "pages_form": PagesForm(user=user, collections=collections, auto_id="pages-%s"),
        "paste_form": PasteForm(user=user, collections=collections, auto_id="paste-%s"),
    }


@login_required
@require_POST
def selected(request: SignedInRequest) -> HttpResponse:
    """Act on several documents. Those that the person may not change are ignored."""
    chosen = primary_keys(request.POST.getlist("chosen"))
    documents = Document.objects.editable_by(request.user).filter(pk__in=chosen).defer("embedding")
    action = request.POST.get("action")
    if not documents:
        messages.info(request, _("Select some documents first."))
    elif action == "retry":
        _retry(request, documents)
    elif action == "refresh":
        _refresh(request, documents)
    elif action == "delete" and "confirmed" not in request.POST:
        return render(request, "documents/delete.html", {"documents": documents})
    elif action == "delete":
        _delete(request, documents)
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
