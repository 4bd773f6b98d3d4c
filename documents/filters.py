"""Filter and sort the list of documents by its query string."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from documents.models import State
from documents.models.document import DocumentQuerySet
from documents.models.states import MOVING


class DocumentFilter(forms.Form):
    """Which documents the list shows, and in which order. Invalid values in the address are ignored."""

    STATES = {
        "ready": Q(state=State.READY),
        "working": Q(state__in=MOVING),
        "failed": Q(state=State.FAILED),
        "cancelled": Q(state=State.CANCELLED),
    }
    SORTS: dict[str, tuple[Any, ...]] = {
        "": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
        "title": (Lower("title"), "pk"),
        "title_down": (Lower("title").desc(), "-pk"),
    }

    q = forms.CharField(
        label=_("Search titles and authors"),
        required=False,
        max_length=200,
        widget=forms.SearchInput(attrs={"placeholder": _("Search titles and authors")}),
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ("", _("All")),
            ("ready", _("Ready")),
            ("working", _("In progress")),
            ("failed", _("Failed")),
            ("cancelled", _("Cancelled")),
        ],
    )
    sort = forms.ChoiceField(
        label=_("Sort by"),
        required=False,
        choices=[
            ("", _("Newest first")),
            ("oldest", _("Oldest first")),
            ("title", _("Title A to Z")),
            ("title_down", _("Title Z to A")),
        ],
    )

    def apply(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        """Return the matching documents in the chosen order."""
        return self.in_order(self._matching_all(documents))

    def in_order(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        """Return the documents in the chosen order; call `apply` or `is_valid` before."""
        return documents.order_by(*self.SORTS[self.cleaned_data.get("sort", "")])

    def _matching_all(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        self.is_valid()
        chosen = self.cleaned_data
        for word in chosen.get("q", "").replace("\0", "").split():
            documents = documents.filter(self._matching(word))
        if condition := self.STATES.get(chosen.get("state", "")):
            documents = documents.filter(condition)
        return documents

    def _matching(self, word: str) -> Q:
        """Titles, authors, addresses and file names that contain the word; a year also matches dates."""
        match = Q(title__icontains=word) | Q(own_title__icontains=word) | Q(author__icontains=word)
        match |= Q(url__icontains=word) | Q(serving__file_name__icontains=word)
        if word.isascii() and word.isdecimal() and len(word) == 4 and int(word):
            match |= Q(dated__year=int(word))
        return match

    @property
    def is_active(self) -> bool:
        """Whether documents may be missing from the list."""
        return bool(self.cleaned_data.get("q") or self.cleaned_data.get("state"))
