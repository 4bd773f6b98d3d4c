"""Explain what is wrong with the text of one page, and what was left out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from documents.models.page import Problem

if TYPE_CHECKING:
    from documents.models import Page


def page_warnings(page: Page) -> list[str]:
    """Return the reasons to distrust the page's text, or to expect none."""
    warnings = [_problem(page)] if page.problem else []
    if page.report.get("hidden"):
        warnings.append(
            _(
                "This page contains text that readers cannot see: invisible, white, tiny or outside the page. "
                "It is included below."
            )
        )
    return warnings


def omission(page: Page) -> str:
    """Say what the file hides on this page and was therefore not indexed; empty if nothing."""
    if page.report.get("hidden_slide"):
        return _("This slide is hidden and was left out.")
    if page.report.get("left_out"):
        return _("This page contains text that the file hides. It was left out.")
    return ""


def _problem(page: Page) -> str:
    if page.problem == Problem.NO_TEXT:
        # A stamp or a header may be text even on a scanned page.
        if page.report.get("stamped") or page.characters:
            return _("This page looks scanned. Only these few words are searchable; OCR found nothing else.")
        return _(
            "This page looks scanned: it is an image without text, so search cannot find anything on it."
        )
    if page.problem == Problem.GARBLED:
        return _("The text of this page is unreadable: the PDF stores its letters in a private encoding.")
    return _("This page could not be read.")
