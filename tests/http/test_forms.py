"""Widgets that are drawn without a template look as Django's templates draw them."""

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates

from ragsite.pages.forms import DRAWN, FormRenderer

HOSTILE = "<b>\"Tom\" & 'Jerry'</b>"
CHOICES = [("", "Any"), ("a&b", HOSTILE), (3, "three"), ("Group", [("x", "in a group")])]
WIDGETS = {
    "text": (forms.TextInput(attrs={"dir": "auto", "placeholder": HOSTILE}), HOSTILE),
    "empty": (forms.TextInput(), None),
    "number as text": (forms.TextInput(), 12_345),
    "flags": (forms.TextInput(attrs={"required": True, "disabled": False, "data-max-length": 4000}), "x"),
    "hidden": (forms.HiddenInput(), 7),
    "email": (forms.EmailInput(), "a@example.org"),
    "search": (forms.SearchInput(), "rain"),
    "password": (forms.PasswordInput(), "never shown"),
    "textarea": (forms.Textarea(attrs={"rows": 3}), f"{HOSTILE}\nsecond line"),
    "empty textarea": (forms.Textarea(), None),
    "select": (forms.Select(choices=CHOICES[:3]), "a&b"),
    "select by number": (forms.Select(choices=CHOICES[:3]), 3),
    "select with groups": (forms.Select(choices=CHOICES), "x"),
    "file": (forms.FileInput(attrs={"accept": ".pdf"}), None),
}


def without_empty_lines(html):
    return [line.strip() for line in html.splitlines() if line.strip()]


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_looks_as_djangos_template_draws_it(name):
    widget, value = WIDGETS[name]
    attributes = {"id": "id_field"}

    ours = widget.render("field", value, attributes, FormRenderer())

    theirs = widget.render("field", value, attributes, DjangoTemplates())
    assert without_empty_lines(ours) == without_empty_lines(theirs)


def test_these_widgets_are_drawn_without_a_template(monkeypatch):
    monkeypatch.setattr(DjangoTemplates, "render", None)
    for widget, value in (WIDGETS["text"], WIDGETS["textarea"], WIDGETS["select"], WIDGETS["password"]):
        assert widget.template_name in DRAWN
        widget.render("field", value, {}, FormRenderer())
