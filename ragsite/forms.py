"""Form rendering: inputs without `maxlength`, with the text direction of their content."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.renderers import DjangoTemplates
from django.forms.widgets import Input

TEXT_WIDGETS = (Input, forms.Textarea)


class UntruncatedField(forms.BoundField):
    """Replace `maxlength`, with which browsers truncate pasted text silently, by a data attribute.

    base.js counts characters against it, and validation rejects a text that is too long.
    """

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        rendered = widget or self.field.widget
        if limit := rendered.attrs.pop("maxlength", None):
            rendered.attrs["data-max-length"] = limit
        if isinstance(rendered, TEXT_WIDGETS) and getattr(rendered, "input_type", "text") in (
            "text",
            "search",
        ):
            rendered.attrs.setdefault("dir", "auto")  # right-to-left for Arabic and Hebrew
        return super().build_widget_attrs(attrs, widget)


class FormRenderer(DjangoTemplates):
    bound_field_class = UntruncatedField
