"""Limits that several apps share, derived from the settings on each call so that an override takes effect."""

from django.conf import settings


def max_upload_bytes() -> int:
    """The size limit of one uploaded, fetched or imported file, in bytes."""
    return int(settings.MAX_UPLOAD_MB) * 1024 * 1024
