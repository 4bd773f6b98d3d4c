"""Form rendering: inputs without `maxlength`, with the text direction of their content. Choices among loaded rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms.models import ModelChoiceIterator
from django.forms.renderers import DjangoTemplates
from django.forms.widgets import Input
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

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
    """Draws inputs, text areas and selects without a template, exactly as Django's templates do but in a tenth of the time."""

    bound_field_class = UntruncatedField

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        draw = DRAWN.get(template_name)
        return draw(context["widget"]) if draw else super().render(template_name, context, request)


def _input(widget: dict[str, Any]) -> SafeString:
    value = {} if widget["value"] is None else {"value": widget["value"]}
    first = {"type": widget["type"], "name": widget["name"], **value}
    return format_html("<input{}{}>", _attributes(first), _attributes(widget["attrs"]))


def _textarea(widget: dict[str, Any]) -> SafeString:
    attributes = _attributes({"name": widget["name"]}) + _attributes(widget["attrs"])
    return format_html("<textarea{}>\n{}</textarea>", attributes, widget["value"] or "")


def _select(widget: dict[str, Any]) -> SafeString:
    attributes = _attributes({"name": widget["name"]}) + _attributes(widget["attrs"])
    groups = format_html_join(
        "", "{}", ([_group(name, group)] for name, group, _index in widget["optgroups"])
    )
    return format_html("<select{}>{}\n</select>", attributes, groups)


def _group(name: str | None, group: list[dict[str, Any]]) -> SafeString:
    options = format_html_join("", "\n  {}", ([_option(option)] for option in group))
    return format_html('\n  <optgroup label="{}">{}\n  </optgroup>', name, options) if name else options


def _option(option: dict[str, Any]) -> SafeString:
    attributes = _attributes({"value": str(option["value"])}) + _attributes(option["attrs"])
    return format_html("<option{}>{}</option>", attributes, option["label"])


def _attributes(attrs: dict[str, Any]) -> SafeString:
    """As Django's attrs.html: in the given order, and nothing for False."""
    shown = ((name, value) for name, value in attrs.items() if value is not False)
    pieces = [
        format_html(" {}", name) if value is True else format_html(' {}="{}"', name, value)
        for name, value in shown
    ]
    return mark_safe("".join(pieces))  # noqa: S308 - of escaped pieces


WIDGETS = "django/forms/widgets/"
DRAWN = {
    **dict.fromkeys(
        (f"{WIDGETS}{name}.html" for name in ("text", "search", "hidden", "email", "password")), _input
    ),
    f"{WIDGETS}textarea.html": _textarea,
    f"{WIDGETS}select.html": _select,
}


class LoadedChoices(ModelChoiceIterator):
    def __iter__(self) -> Iterator[Any]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        yield from map(self.choice, self.field.queryset or ())


class RowField(forms.ModelChoiceField):
    """A choice among the rows of a queryset, loaded once for all forms and templates that share the queryset."""

    iterator = LoadedChoices
    _queryset: QuerySet[Any]

    def _get_queryset(self) -> QuerySet[Any]:
        return self._queryset

    def _set_queryset(self, queryset: QuerySet[Any]) -> None:
        # ModelChoiceField keeps a copy, which loads its rows anew.
        self._queryset = queryset
        self.widget.choices = self.choices

    queryset = property(_get_queryset, _set_queryset)
