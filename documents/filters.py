"""Which documents a list shows, as its address says it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from documents.models import State
from documents.models.document_queryset import DocumentQuerySet
from documents.models.states import MOVING


class DocumentFilter(forms.Form):
    """Which documents a list shows, and in which order. Nonsense in the address is ignored."""

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
            ("working", _("Being read")),
            ("failed", _("Could not be read")),
            ("cancelled", _("Cancelled")),
        ],
    )
    sort = forms.ChoiceField(
        label=_("Order"),
        required=False,
        choices=[
            ("", _("Newest first")),
            ("oldest", _("Oldest first")),
            ("title", _("Title A to Z")),
            ("title_down", _("Title Z to A")),
        ],
    )

    def narrow(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        self.is_valid()
        wanted = self.cleaned_data
        for word in wanted.get("q", "").replace("\0", "").split():
            documents = documents.filter(self.named(word))
        if condition := self.STATES.get(wanted.get("state", "")):
            documents = documents.filter(condition)
        return documents.order_by(*self.SORTS[wanted.get("sort", "")])

    def named(self, word: str) -> Q:
        """Titles, authors, addresses and names of files with the word; a year finds what was written in it."""
        found = Q(title__icontains=word) | Q(own_title__icontains=word) | Q(author__icontains=word)
        found |= Q(url__icontains=word) | Q(serving__file_name__icontains=word)
        if word.isascii() and word.isdecimal() and len(word) == 4 and int(word):
            found |= Q(dated__year=int(word))
        return found

    @property
    def is_narrowing(self) -> bool:
        return bool(self.cleaned_data.get("q") or self.cleaned_data.get("state"))
