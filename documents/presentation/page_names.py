"""Name a page the way its readers do: page 3, slide 1 with its title, sheet with its name."""

from __future__ import annotations

from django.utils.translation import gettext as _


def is_presentation(media_type: str) -> bool:
    return "presentation" in media_type or "powerpoint" in media_type


def is_spreadsheet(media_type: str) -> bool:
    return "spreadsheet" in media_type or "ms-excel" in media_type


def page_name(number: int, label: str, media_type: str) -> str:
    """Return for example "page iv (4)", "slide 1 · New shop at the station" or "sheet Suppliers"."""
    has_label = bool(label) and label != str(number)
    values = {"label": label, "number": number}
    if is_presentation(media_type):
        return (_("slide %(number)s · %(label)s") if has_label else _("slide %(number)s")) % values
    if is_spreadsheet(media_type):
        return (_("sheet %(label)s") if label else _("sheet %(number)s")) % values
    return (_("page %(label)s (%(number)s)") if has_label else _("page %(number)s")) % values


def page_range_name(numbers: str, media_type: str) -> str:
    """Return for example "pages 3–4" for several pages, slides or sheets."""
    if is_presentation(media_type):
        return _("slides %s") % numbers
    return (_("sheets %s") if is_spreadsheet(media_type) else _("pages %s")) % numbers
