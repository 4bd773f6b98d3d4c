"""Chooses the remedy for failed work, and the sentence shown for it. A retry is offered only if it may succeed."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from django.conf import settings
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from documents import failure_messages
from documents.extraction.ocr.engines import RAPIDOCR, engine, usable_languages
from documents.models import Document
from documents.models.task import Kind, TaskState
from ragsite import disk, llm


class Remedy(StrEnum):
    UNLOCK = "unlock"
    REPLACE = "replace"
    REFRESH = "refresh"  # fetch the web page again
    RUN_OCR = "run_ocr"
    REPLAY = "replay"


NEEDS_OCR = ("no_text", "ocr_off", "no_ocr_text", "no_language")
# A retry may succeed: on a less busy machine, or with a corrected loader or setting.
RETRYABLE = ("timeout", "crashed", "no_loader")
# Other failures of a web page may be fixed on its site; these addresses are never fetched.
NEVER_FETCHED = ("page_address", "page_credentials", "page_private", "page_astray")

IN_GENERAL = {
    "unexpected": _("Something went wrong here. The traceback is stored with the attempt."),
    disk.DISK_FULL.kind: disk.DISK_FULL.sentence,
    disk.DISK_NOT_WRITABLE.kind: disk.DISK_NOT_WRITABLE.sentence,
}


def remedy_of(kind: str, *, is_page: bool = False) -> Remedy:
    """The remedy for that kind of failure; `is_page` for a web page."""
    if kind in ("password", "wrong_password"):
        return Remedy.UNLOCK
    if kind in NEEDS_OCR and can_run_ocr():
        return Remedy.RUN_OCR
    if kind not in of_the_file():
        return Remedy.REPLAY
    return Remedy.REFRESH if is_page and kind not in NEVER_FETCHED else Remedy.REPLACE


def remedy_for(document: Document) -> Remedy:
    """The remedy for a failed or cancelled document."""
    if not document.failure_kind:
        return Remedy.REPLAY
    return remedy_of(document.failure_kind, is_page=document.source == Document.Source.WEB)


def can_run_ocr() -> bool:
    """Whether OCR is available, in at least one of the site's languages."""
    if not (settings.OCR and engine()):
        return False
    return engine() == RAPIDOCR or bool(usable_languages(settings.OCR_LANGUAGES))


def of_the_file() -> set[str]:
    """Kinds of failure that recur with the same file or address."""
    kinds = {
        kind
        for kind in failure_messages.WORDINGS
        if kind not in RETRYABLE and (not kind.startswith("page_") or kind in NEVER_FETCHED)
    }
    return kinds - {"password", "wrong_password"}


def in_vain() -> set[str]:
    """Kinds of failure for which a retry alone does not help."""
    ocr_kinds = set(NEEDS_OCR) if can_run_ocr() else set()
    return (of_the_file() | {"password", "wrong_password"}) - ocr_kinds


def in_vain_words(count: int) -> str:
    """A warning for that many documents that were retried all the same."""
    return (
        ngettext(
            "%d of them will probably fail again: open it to enter its password or to replace it.",
            "%d of them will probably fail again: open them to enter a password or to replace them.",
            count,
        )
        % count
    )


def tasks_helped() -> Q:
    """A filter for tasks: those for which a retry may help."""
    return ~Q(
        state=TaskState.FAILED,
        kind__in=[Kind.INDEX, Kind.OCR, Kind.ATTACH, Kind.FETCH],
        error_kind__in=in_vain(),
    )


def sentence_of(kind: str, *, stored: str = "") -> Promise | str:
    """The sentence for that kind of failure: the one stored with the document, else a general one."""
    return IN_GENERAL.get(kind) or stored or sentences().get(kind) or IN_GENERAL["unexpected"]


@cache
def sentences() -> dict[str, Promise | str]:
    # The provider's sentences override those of files: "timeout" is a kind of both, and only a provider's failure waits.
    found = {kind: words.sentence for kind, words in failure_messages.WORDINGS.items()}
    families: list[type[llm.ProviderError]] = [llm.ProviderError]
    while families:
        family = families.pop()
        found |= {family.kind: family.sentence, **family.sentences}
        families += family.__subclasses__()
    return found
