"""Choose the one button that fits the state of a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.urls import reverse
from django.utils.translation import gettext as _

from documents.models.states import State, SummaryState
from documents.work.remedies import Remedy, remedy_for

if TYPE_CHECKING:
    from documents.models import Document


@dataclass(frozen=True)
class Action:
    """A link, a form that posts to `url`, or the form that asks for a password."""

    kind: Literal["link", "post", "password"]
    url: str
    label: str
    icon: str = ""


def action_for(document: Document, *, in_list: bool) -> Action | None:
    """Return what the reader most likely wants next. `document.can_edit` says whether they may change it."""
    if not document.can_edit:  # type: ignore[attr-defined]
        return _ask(document) if in_list and document.state == State.READY else None
    if document.state == State.FAILED:
        return _after_failure(document, in_list)
    if document.state == State.WAITING and document.failure:
        return _post("retry", document, _("Try now"), "retry")
    if document.state == State.CANCELLED or document.failure or document.summary_state == SummaryState.FAILED:
        return _post("retry", document, _("Retry"), "retry")
    if document.is_moving:
        return _post("cancel", document, _("Cancel"))
    if document.is_sample and in_list:
        return _post("delete", document, _("Remove the sample"))
    return _ask(document) if in_list else None


def _after_failure(document: Document, in_list: bool) -> Action | None:
    match remedy_for(document):
        case Remedy.UNLOCK:
            return Action("password", reverse("documents:password", args=[document.pk]), _("Unlock"))
        case Remedy.REPLACE:
            url = reverse("documents:replace", args=[document.pk])
            return (
                Action("link", url, _("Replace"), "replace") if in_list else None
            )  # its page has that button
        case Remedy.REFRESH:
            return _post("refresh", document, _("Check again"), "retry")
        case Remedy.RUN_OCR:
            return _post("retry", document, _("Run OCR"), "retry")
        case _:
            return _post("retry", document, _("Retry"), "retry")


def _post(view: str, document: Document, label: str, icon: str = "") -> Action:
    return Action("post", reverse(f"documents:{view}", args=[document.pk]), label, icon)


def _ask(document: Document) -> Action:
    return Action("link", f"{reverse('home')}?document={document.pk}", _("Ask"))
