"""The form that connects a model: its server, key, name and limits. A saved key is never shown again."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ragsite.configuration.environment import HEADER_NAME
from ragsite.llm.configuration import Role
from ragsite.llm.models import Connection
from ragsite.llm.presets import Preset

MAX_HEADERS = 20


class ConnectionForm(forms.Form):
    """What an operator types. `role` chooses the fields; `saved` is the connection that it replaces."""

    base_url = forms.CharField(label=_("Server address"), max_length=500)
    api_key = forms.CharField(
        label=_("API key"),
        max_length=2_000,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    model = forms.CharField(label=_("Model"), max_length=200)
    headers = forms.CharField(
        label=_("Extra headers"),
        max_length=5_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        help_text=_(
            "One a line, for example <code>X-Team: library</code>. Stored encrypted and not shown again."
        ),
    )
    max_tokens = forms.IntegerField(required=False, min_value=256, max_value=100_000_000)
    query_prefix = forms.CharField(
        label=_("Prefix of a question"), max_length=500, required=False, strip=False
    )
    passage_prefix = forms.CharField(
        label=_("Prefix of a passage"), max_length=500, required=False, strip=False
    )

    def __init__(self, role: Role, saved: Connection | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = f"{role}_%s"
        self.role, self.saved = role, saved
        fields = self.fields
        if role == Role.CHAT:
            del fields["query_prefix"], fields["passage_prefix"]
            fields["max_tokens"].label = _("Context window, in tokens")
            fields["max_tokens"].help_text = _("Empty: 8,192 for OpenAI, 3,500 for other servers.")
        else:
            fields["base_url"].required = False
            fields["base_url"].help_text = _("Empty: the server of the answers.")
            fields["max_tokens"].label = _("Input limit, in tokens")
            fields["passage_prefix"].help_text = _(
                "Empty: the prefix known for the model. <code>none</code>: no prefix."
            )
        if saved and saved.encrypted_key:
            fields["api_key"].help_text = _("A key is saved. Leave this empty to keep it.")

    def clean_base_url(self) -> str:
        url: str = self.cleaned_data["base_url"].strip()
        if url and not _is_web_address(url):
            raise ValidationError(_("Enter an address such as http://127.0.0.1:11434/v1."))
        return url

    def clean_api_key(self) -> str:
        key: str = self.cleaned_data["api_key"].strip()
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise ValidationError(
                _("This is not a key: it contains a space, a quotation mark or a line break.")
            )
        return key

    def clean_headers(self) -> dict[str, str]:
        lines = [line for line in self.cleaned_data["headers"].splitlines() if line.strip()]
        if len(lines) > MAX_HEADERS:
            raise ValidationError(_("At most %(number)s headers.") % {"number": MAX_HEADERS})
        return dict(map(_header, lines))

    @property
    def has_more(self) -> bool:
        """Whether a field under "More" is filled or wrong."""
        return any(
            self[name].value() or self[name].errors
            for name in ("max_tokens", "query_prefix", "passage_prefix", "headers")
            if name in self.fields
        )

    def connection(self) -> Connection:
        """The connection that the valid form describes, not saved.

        A key or headers left empty are the saved ones, of the same address only: another server must not get them.
        """
        typed = self.cleaned_data
        connection = self._target(typed["model"].strip())
        connection.base_url = typed["base_url"]
        for name in ("max_tokens", "query_prefix", "passage_prefix"):
            setattr(connection, name, typed.get(name, getattr(connection, name)))
        kept = self.saved if self.saved and self._has_saved_address() else None
        connection.set_secrets(
            typed["api_key"] or (kept.api_key if kept else ""),
            typed["headers"] or (kept.headers if kept else {}),
        )
        return connection

    def _target(self, model: str) -> Connection:
        """The row to change: the one chat connection, or the one of this embedding model."""
        rows = Connection.objects.filter(role=self.role)
        row = rows.first() if self.role == Role.CHAT else rows.filter(model=model).first()
        row = row or Connection(role=self.role)
        row.model = model
        return row

    def _has_saved_address(self) -> bool:
        return self.saved is not None and self.cleaned_data["base_url"].rstrip(
            "/"
        ) == self.saved.base_url.rstrip("/")


def initial_of(saved: Connection | None, preset: Preset | None, role: Role) -> dict[str, Any]:
    """The first values of the form: of the preset if one was chosen, else of the saved connection."""
    if preset:
        model = preset.chat_model if role == Role.CHAT else preset.embedding_model
        return {"base_url": preset.base_url, "model": model}
    if not saved:
        return {}
    names = ("base_url", "model", "max_tokens", "query_prefix", "passage_prefix")
    return {name: getattr(saved, name) for name in names}


def _header(line: str) -> tuple[str, str]:
    name, _colon, value = line.partition(":")
    if not (re.fullmatch(HEADER_NAME, name.strip()) and re.fullmatch(r"[ -~]+", value.strip())):
        raise ValidationError(_("A header is a name, a colon and a value: X-Team: library."))
    return name.strip(), value.strip()


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
