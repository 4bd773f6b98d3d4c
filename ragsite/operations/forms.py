from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ragsite import llm


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
