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
    """The embedding model of a new index."""

    model = forms.CharField(
        label=_("Embedding model"),
        max_length=200,
        help_text=_("For example text-embedding-3-small or all-MiniLM-L6-v2."),
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


def filter_choices(choices: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Capitalise the labels and put "All" first."""
    return [("", _("All")), *((value, capfirst(label)) for value, label in choices)]


def datetime_field(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget)


class AttemptFilter(forms.Form):
    """Filter the ledger. An invalid field shows its error and narrows nothing."""

    q = forms.CharField(label=_("Document"), required=False, max_length=200)
    person = forms.CharField(label=_("Person"), required=False, max_length=150)
    error = forms.CharField(label=_("Error text"), required=False, max_length=200)
    stage = forms.ChoiceField(
        label=_("Stage"), required=False, choices=[("", _("All")), *stage_times.STAGES.items()]
    )
    outcome = forms.ChoiceField(label=_("Outcome"), required=False, choices=filter_choices(Outcome.choices))
    since = datetime_field(_("From"))
    until = datetime_field(_("To"))
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
            attempts = attempts.filter(name_contains("document__uploaded_by__", person))
        if error := self.cleaned_data.get("error"):
            attempts = attempts.filter(Q(error_class__icontains=error) | Q(error_message__icontains=error))
        return attempts

    @property
    def is_narrowing(self) -> bool:
        return any(self.cleaned_data.values())


def name_contains(path: str, name: str) -> Q:
    fields = ("username", "first_name", "last_name")
    return Q(*((f"{path}{field}__icontains", name) for field in fields), _connector=Q.OR)


class WorkFilter(forms.Form):
    """Filter jobs by state, kind and reason."""

    state = forms.ChoiceField(
        label=_("State"),
        choices=[
            ("failed", _("Failed")),
            ("waiting", _("Waiting to retry")),
            ("open", _("All open")),
            ("cancelled", _("Cancelled")),
        ],
    )
    kind = forms.ChoiceField(label=_("Job"), required=False, choices=filter_choices(Kind.choices))
    error_kind = forms.CharField(label=_("Error kind"), required=False, max_length=40)

    def narrow(self) -> TaskQuerySet:
        """Return no tasks if the form is invalid: an action must never apply to a misread filter."""
        if not self.is_valid():
            return backlog.tasks("failed").none()
        wanted = {name: value for name in ("kind", "error_kind") if (value := self.cleaned_data[name])}
        return backlog.tasks(self.cleaned_data["state"]).filter(**wanted)
