"""List the documents, and act on the selected ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from documents.filters import DocumentFilter
from documents.forms import AddForm, PagesForm, PasteForm, UploadForm
from documents.models import Collection, Document
from documents.models.document import counts_for
from documents.models.document.counts import batch_of
from documents.views.access import listed_documents, load_tasks

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
        "any_moving": counts.moving > 0,
        "batch": batch_of(request.user) if counts.moving else None,
        "has_any": counts.total > 0,
        "shelf": _collection(request.user, form),
    }
    return render(request, "documents/list.html", context)


def _collection(user: User, form: DocumentFilter) -> Collection | None:
    """The collection that the list is narrowed to."""
    pk = form.cleaned_data.get("collection")
    return Collection.objects.visible_to(user).filter(pk=pk).first() if pk else None


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
