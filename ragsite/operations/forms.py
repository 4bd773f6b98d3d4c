from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from documents.models.attempt import AttemptQuerySet, Outcome
from documents.models.task import Kind, TaskQuerySet
from ragsite import llm
from ragsite.operations import backlog, stage_times


class NewIndexForm(forms.Form):
    """Which embedding model a new index is to be built with."""

    model = forms.CharField(
        label=_("Embedding model"),
        max_length=200,
        help_text=_("Such as text-embedding-3-small or all-MiniLM-L6-v2."),
    )

    def clean_model(self) -> str:
        name: str = self.cleaned_data["model"].strip()
        try:
            llm.embedding_model(name)
        except LookupError as error:
            raise ValidationError(getattr(error, "sentence", str(error))) from None
        return name

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].initial = llm.default_embedding_model()


def capitalised(choices: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """As a list of its own shows them, after "All"."""
    return [("", _("All")), *((value, capfirst(label)) for value, label in choices)]


def moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget)


class AttemptFilter(forms.Form):
    """Which attempts to show. A field that makes no sense says so and narrows nothing."""

    q = forms.CharField(label=_("Document"), required=False, max_length=200)
    person = forms.CharField(label=_("Person"), required=False, max_length=150)
    error = forms.CharField(label=_("Error text"), required=False, max_length=200)
    stage = forms.ChoiceField(
        label=_("Stage"), required=False, choices=[("", _("All")), *stage_times.STAGES.items()]
    )
    outcome = forms.ChoiceField(
        label=_("Outcome"), required=False, choices=[("", _("All")), *Outcome.choices]
    )
    since = moment(_("From"))
    until = moment(_("To"))
    document = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    def narrow(self, attempts: AttemptQuerySet) -> AttemptQuerySet:
        self.is_valid()
        conditions = {
            "q": "document__title__icontains",
            "stage": "stage",
            "outcome": "outcome",
            "since": "started_at__gte",
            "until": "started_at__lte",
            "document": "document",
        }
        for name, condition in conditions.items():
            if value := self.cleaned_data.get(name):
                attempts = attempts.filter(**{condition: value})
        if person := self.cleaned_data.get("person"):
            attempts = attempts.filter(is_named("document__uploaded_by__", person))
        if error := self.cleaned_data.get("error"):
            attempts = attempts.filter(Q(error_class__icontains=error) | Q(error_message__icontains=error))
        return attempts

    @property
    def is_narrowing(self) -> bool:
        return any(self.cleaned_data.values())


def is_named(path: str, name: str) -> Q:
    fields = ("username", "first_name", "last_name")
    return Q(*((f"{path}{field}__icontains", name) for field in fields), _connector=Q.OR)


class WorkFilter(forms.Form):
    """Which work to show: what failed, what waits for another try, all that is open, or what was cancelled."""

    state = forms.ChoiceField(
        label=_("State"),
        choices=[
            ("failed", _("Failed")),
            ("waiting", _("Waiting to be tried again")),
            ("open", _("All that is open")),
            ("cancelled", _("Cancelled")),
        ],
    )
    kind = forms.ChoiceField(label=_("Work"), required=False, choices=capitalised(Kind.choices))
    error_kind = forms.CharField(label=_("Kind of failure"), required=False, max_length=40)

    def narrow(self) -> TaskQuerySet:
        """None at all where the form makes no sense: what is not understood must not be acted on."""
        if not self.is_valid():
            return backlog.tasks("failed").none()
        wanted = {name: value for name in ("kind", "error_kind") if (value := self.cleaned_data[name])}
        return backlog.tasks(self.cleaned_data["state"]).filter(**wanted)
