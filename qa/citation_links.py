"""The link from a number in an answer to its source."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from qa.models import Citation
from qa.sentences import page_name


def cite_link(number: int, rows: Mapping[int, Citation]) -> SafeString:
    """Return the number as a link to its source, struck out if the source does not exist or lacks the quoted words."""
    row = rows.get(number)
    if row is None:
        return format_html(
            '<s class="cite cite-unknown" title="{}">[{}]</s>', _("No source has this number."), number
        )
    if not row.pk or not row.is_readable:  # not saved yet, or no longer readable
        return format_html('<span class="cite">[{}]</span>', number)
    names = {"number": number, "title": row.document_title, "place": page_name(row)}
    label = _("Source %(number)s: %(title)s, %(place)s") % names
    return format_html(
        '<a class="{0}" href="{1}" hx-get="{1}" hx-target="#panel" hx-swap="innerHTML" title="{2}" aria-label="{3}">[{4}]</a>',
        "cite" if row.is_confirmed else "cite cite-unconfirmed",
        reverse("qa:citation", args=[row.pk]),
        label if row.is_confirmed else _("The quoted words were not found in this source."),
        label,
        number,
    )
