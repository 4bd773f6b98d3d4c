"""How forms are drawn: a browser never shortens what a person pasted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.renderers import DjangoTemplates
from django.forms.widgets import Input

WRITTEN_IN = (Input, forms.Textarea)


class WholeField(forms.BoundField):
    """In the direction of what is written, and without `maxlength`, by which browsers cut a pasted text and say nothing.

    The limit is told to the page, which counts (base.js), and the form's own sentence refuses what is too long.
    """

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        drawn = widget or self.field.widget
        if limit := drawn.attrs.pop("maxlength", None):
            drawn.attrs["data-max-length"] = limit
        if isinstance(drawn, WRITTEN_IN) and getattr(drawn, "input_type", "text") in ("text", "search"):
            drawn.attrs.setdefault("dir", "auto")  # Arabic and Hebrew are written from the right
        return super().build_widget_attrs(attrs, widget)


class FormRenderer(DjangoTemplates):
    bound_field_class = WholeField
