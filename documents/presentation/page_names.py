"""Name a page the way its readers do: page 3, slide 1 with its title, sheet with its name."""

from __future__ import annotations

from django.utils.translation import gettext as _


def page_name(number: int, label: str, media_type: str) -> str:
    """Return for example "page iv (4)", "slide 1 · New shop at the station" or "sheet Suppliers"."""
    label = "" if label == str(number) else label
    if "presentation" in media_type:
        slide = _("slide %d") % number
        return f"{slide} · {label}" if label else slide
    if "spreadsheet" in media_type:
        return _("sheet %s") % (label or number)
    if label:
        return _("page %(label)s (%(number)d)") % {"label": label, "number": number}
    return _("page %d") % number
