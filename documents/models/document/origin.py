from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class OriginMixin(models.Model):
    """Where a document comes from: who added it as what, its web address, synced folder, or the file that contained it."""

    class Source(models.TextChoices):
        FILE = "file", _("file")
        WEB = "web", _("web page")
        TEXT = "text", _("pasted text")

    source = models.CharField(_("source"), max_length=8, choices=Source, default=Source.FILE)
    url = models.URLField(_("address"), max_length=2000, blank=True)
    checked_at = models.DateTimeField(
        _("last checked"), null=True, blank=True, help_text=_("When a web page was last fetched.")
    )
    synced_from = models.CharField(
        _("synced from"), max_length=255, blank=True, help_text=_("The folder that `manage.py sync` watches.")
    )
    path = models.CharField(_("path in that folder"), max_length=1000, blank=True)
    attached_to = models.ForeignKey(
        "self",
        verbose_name=_("attached to"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="attachments",
        help_text=_("The email or PDF that contains it."),
    )
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("added by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="documents",
    )
    is_sample = models.BooleanField(_("sample"), default=False)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        abstract = True
