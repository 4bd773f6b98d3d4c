"""Inspect and replay everything in the admin. Staff need the model permissions; replaying needs `documents.operate`."""

from django.contrib import admin

from documents.admin import content, documents, work

__all__ = ["content", "documents", "work"]

admin.site.site_header = admin.site.site_title = "ragsite"
