"""Find the documents that a person may see or change, and answer after a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING

from django.db.models import OuterRef, Subquery, prefetch_related_objects
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from documents.models import Document, Version
from documents.models.document import DocumentQuerySet
from documents.models.document.queryset import tasks_of_documents
from documents.presentation.watched import PARTS, row_will_change

if TYPE_CHECKING:
    from ragsite.accounts.models import User
    from ragsite.accounts.requests import SignedInRequest

View = Callable[["SignedInRequest", int], HttpResponse]


def not_found_if_deleted(view: View) -> View:
    """Answer 404 if someone else deletes the document while the view works on it."""

    @wraps(view)
    def wrapped(request: SignedInRequest, pk: int) -> HttpResponse:
        try:
            return view(request, pk)
        except Document.DoesNotExist:
            raise Http404 from None

    return wrapped


def listed_documents(user: User, *, with_vector: bool = False) -> DocumentQuerySet:
    """The documents that a person may see, with everything that a row of the list shows."""
    newest = Version.objects.filter(document=OuterRef("pk")).order_by("-number")
    documents = (
        Document.objects.visible_to(user)
        .select_related("collection", "uploaded_by", "serving")
        .with_tasks()
        .with_can_edit(user)
        .annotate(
            **{name: Subquery(newest.values(name)[:1]) for name in ("page_count", "size", "media_type")}
        )
    )
    return documents if with_vector else documents.defer("embedding")


def load_tasks(documents: Iterable[Document]) -> None:
    """Load the tasks of documents that are still changing: the rows of others show nothing of them."""
    prefetch_related_objects(list(filter(row_will_change, documents)), tasks_of_documents())


def editable_document(request: SignedInRequest, pk: int) -> Document:
    """The document, or 404 if the person may not change it."""
    return get_object_or_404(Document.objects.editable_by(request.user).defer("embedding"), pk=pk)


def after_change(request: SignedInRequest, document: Document) -> HttpResponse:
    """Answer htmx with the document's row, and a plain form with the page that it was on."""
    if request.htmx:
        return render(request, PARTS["row"], {"document": listed_documents(request.user).get(pk=document.pk)})
    return redirect("documents:list") if "list" in request.POST else redirect(document)
