"""Connections to models that operators set up in the page; the environment takes precedence."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from ragsite.llm import configuration
from ragsite.llm.configuration import ModelSettings, Role
from ragsite.llm.encryption import CannotDecrypt, decrypt, encrypt


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def of(self, role: Role) -> Connection | None:
        """The connection in effect: the newest of this role."""
        return self.filter(role=role).order_by("-changed_at", "-pk").first()

    def keep_embeddings(self, models: Iterable[str], server: ModelSettings) -> None:
        """Let these embedding models stay at the server of answers when answers leave it: their indexes need them."""
        wanted = {name for name in models if name not in self._names_with_address()}
        for name in wanted | set(
            self.filter(role=Role.EMBEDDING, base_url="").values_list("model", flat=True)
        ):
            row = self.filter(role=Role.EMBEDDING, model=name).first() or Connection(
                role=Role.EMBEDDING, model=name
            )
            row.base_url = server.base_url
            row.set_secrets(row.api_key or server.api_key, dict(server.headers) | row.headers)
            row.save()

    def _names_with_address(self) -> set[str]:
        return set(self.filter(role=Role.EMBEDDING).exclude(base_url="").values_list("model", flat=True))

    def delete(self) -> tuple[int, dict[str, int]]:
        deleted = super().delete()
        transaction.on_commit(configuration.forget)
        return deleted


class Connection(models.Model):
    """A model and its server: one for answers, and one for each embedding model.

    The newest embedding connection gives new indexes their model; older ones serve the indexes built with them.
    Key and headers are stored encrypted.
    """

    role = models.CharField(_("used for"), max_length=10, choices=Role.choices)
    model = models.CharField(_("model"), max_length=200)
    base_url = models.CharField(_("address"), max_length=500, blank=True)  # empty: OpenAI
    encrypted_key = models.TextField(blank=True, editable=False)
    encrypted_headers = models.TextField(blank=True, editable=False)
    # Of a chat model its context window, of an embedding model its input limit.
    max_tokens = models.PositiveIntegerField(_("tokens"), null=True, blank=True)
    # As in the environment: empty for the prefix known for the model, "none" for no prefix.
    query_prefix = models.CharField(_("prefix of a question"), max_length=500, blank=True)
    passage_prefix = models.CharField(_("prefix of a passage"), max_length=500, blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("model connection")
        verbose_name_plural = _("model connections")
        constraints = [
            models.UniqueConstraint(
                fields=["role"], condition=models.Q(role="chat"), name="one_chat_connection"
            ),
            models.UniqueConstraint(fields=["role", "model"], name="one_connection_per_model"),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.model}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        transaction.on_commit(configuration.forget)

    def set_secrets(self, key: str, headers: dict[str, str]) -> None:
        """Encrypt the key and the extra headers."""
        self.encrypted_key = encrypt(key)
        self.encrypted_headers = encrypt(json.dumps(headers)) if headers else ""

    @property
    def is_readable(self) -> bool:
        """Whether key and headers can be decrypted with the present SECRET_KEY."""
        try:
            decrypt(self.encrypted_key)
            decrypt(self.encrypted_headers)
        except CannotDecrypt:
            return False
        return True

    @property
    def api_key(self) -> str:
        """The key; empty if there is none, or if it cannot be decrypted."""
        return _decrypted(self.encrypted_key)

    @property
    def headers(self) -> dict[str, str]:
        """The extra headers; none if they cannot be decrypted."""
        return dict(json.loads(_decrypted(self.encrypted_headers) or "{}"))

    def as_settings(self) -> ModelSettings:
        return ModelSettings(
            base_url=self.base_url,
            api_key=self.api_key,
            headers=tuple(self.headers.items()),
            model=self.model,
            max_tokens=self.max_tokens,
            query_prefix=_prefix(self.query_prefix),
            passage_prefix=_prefix(self.passage_prefix),
            is_saved=True,
        )


def _prefix(text: str) -> str | None:
    return "" if text.strip().lower() == "none" else text or None


def _decrypted(token: str) -> str:
    try:
        return decrypt(token)
    except CannotDecrypt:
        return ""
