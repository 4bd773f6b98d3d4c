"""Filter and sort the list of documents by its query string."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Case, F, OuterRef, Q, Subquery, When
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from documents.models import State, Version
from documents.models.document import DocumentQuerySet
from documents.models.document.tags import MAX_LENGTH
from documents.models.states import MOVING
from ragsite.http.query import MAX_KEY

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Each column with the order of a first and of a second click.
COLUMNS = [
    ("title", _("Title"), "title", "title_down"),
    ("state", _("State"), "state", "state_down"),
    ("size", _("Size"), "size_down", "size"),
    ("date", _("Added"), "", "oldest"),
]
ORDER = {(True, False): "first", (False, True): "second"}


@dataclass(frozen=True)
class Column:
    """A heading; `order` says whether the list is sorted by it, as by a first or a second click."""

    name: str
    label: _StrPromise
    next_sort: str
    order: str

    @property
    def aria_sort(self) -> str:
        """For `aria-sort`: sizes and dates begin with the largest and newest."""
        if not self.order:
            return ""
        is_ascending = (self.order == "first") == (self.name in ("title", "state"))
        return "ascending" if is_ascending else "descending"


class DocumentFilter(forms.Form):
    """Which documents the list shows, and in which order. Invalid values in the address are ignored."""

    # First what a person can do something about.
    BY_STATE = Case(
        When(state=State.FAILED, then=0),
        When(state__in=MOVING, then=1),
        When(state=State.CANCELLED, then=2),
        default=3,
    )
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
        "size_down": (F("size").desc(nulls_last=True), "-pk"),
        "size": (F("size").asc(nulls_last=True), "pk"),
        "state": (BY_STATE.asc(), "-created_at", "-pk"),
        "state_down": (BY_STATE.desc(), "created_at", "pk"),
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
            ("size_down", _("Largest first")),
            ("size", _("Smallest first")),
            ("state", _("By state")),
            ("state_down", _("By state, reversed")),
        ],
    )
    collection = forms.IntegerField(required=False, min_value=1, max_value=MAX_KEY, widget=forms.HiddenInput)
    tag = forms.CharField(required=False, max_length=MAX_LENGTH, widget=forms.HiddenInput)

    def apply(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        """Return the matching documents in the chosen order."""
        return self.in_order(self._matching_all(documents))

    def in_order(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        """Return the documents in the chosen order; call `apply` or `is_valid` before."""
        sort = self.cleaned_data.get("sort", "")
        if sort.startswith("size"):
            newest = Version.objects.filter(document=OuterRef("pk")).order_by("-number")
            documents = documents.annotate(size=Subquery(newest.values("size")[:1]))
        return documents.order_by(*self.SORTS[sort])

    @property
    def columns(self) -> list[Column]:
        """The columns by which the list can be sorted, and how each heading's link sorts."""
        sort = self.cleaned_data.get("sort", "")
        return [
            Column(name, label, down if sort == up else up, ORDER.get((sort == up, sort == down), ""))
            for name, label, up, down in COLUMNS
        ]

    def _matching_all(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        self.is_valid()
        chosen = self.cleaned_data
        for word in chosen.get("q", "").replace("\0", "").split():
            documents = documents.filter(self._matching(word))
        if condition := self.STATES.get(chosen.get("state", "")):
            documents = documents.filter(condition)
        if collection := chosen.get("collection"):
            documents = documents.filter(collection=collection)
        if tag := chosen.get("tag"):
            documents = documents.filter(tags__contains=[tag])
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
        return any(self.cleaned_data.get(name) for name in ("q", "state", "collection", "tag"))
