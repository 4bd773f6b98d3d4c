"""What helps work that failed: another try only where it may end another way, and what is said of it."""

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
    REFRESH = "refresh"  # look at the web page's address again
    RUN_OCR = "read_pictures"
    REPLAY = "replay"


PICTURES = ("no_text", "pictures_off", "not_recognised", "no_language")
# Another try may end another way: on a machine that is less busy or has more room, with a loader or a setting mended.
MAY_PASS = ("timeout", "deadly", "no_loader")
# Its site may have mended it; an address that is not fetched stays one.
NEVER_FETCHED = ("page_address", "page_credentials", "page_private", "page_astray")

IN_GENERAL = {
    "unexpected": _("Something went wrong here: the traceback is with the attempt."),
    disk.DISK_FULL.kind: disk.DISK_FULL.sentence,
    disk.DISK_NOT_WRITABLE.kind: disk.DISK_NOT_WRITABLE.sentence,
}


def remedy_of(kind: str, *, is_page: bool = False) -> Remedy:
    """What helps after that kind of failure; `is_page` for what was fetched from an address."""
    if kind in ("password", "wrong_password"):
        return Remedy.UNLOCK
    if kind in PICTURES and can_run_ocr():
        return Remedy.RUN_OCR
    if kind not in of_the_file():
        return Remedy.REPLAY
    return Remedy.REFRESH if is_page and kind not in NEVER_FETCHED else Remedy.REPLACE


def remedy_for(document: Document) -> Remedy:
    """What helps a document that failed or was cancelled."""
    if not document.failure_kind:
        return Remedy.REPLAY
    return remedy_of(document.failure_kind, is_page=document.source == Document.Source.WEB)


def can_run_ocr() -> bool:
    """Whether this machine reads text in pictures, in one of the site's languages at least."""
    if not (settings.OCR and engine()):
        return False
    return engine() == RAPIDOCR or bool(usable_languages(settings.OCR_LANGUAGES))


def of_the_file() -> set[str]:
    """Kinds of failure that every try of the same content, or of the same address, meets again."""
    kinds = {
        kind
        for kind in failure_messages.WORDINGS
        if kind not in MAY_PASS and (not kind.startswith("page_") or kind in NEVER_FETCHED)
    }
    return kinds - {"password", "wrong_password"}


def in_vain() -> set[str]:
    """Kinds of failure after which another try without anything else ends the same way."""
    pictures = set(PICTURES) if can_run_ocr() else set()
    return (of_the_file() | {"password", "wrong_password"}) - pictures


def in_vain_words(count: int) -> str:
    """Of so many documents that were asked for all the same."""
    return (
        ngettext(
            "%d of them will hardly end another way: open it to enter its password or to replace it.",
            "%d of them will hardly end another way: open them to enter a password or to replace them.",
            count,
        )
        % count
    )


def tasks_helped() -> Q:
    """For tasks: not those that failed for a reason that another try would meet again."""
    return ~Q(
        state=TaskState.FAILED,
        kind__in=[Kind.INDEX, Kind.RECOGNISE, Kind.ATTACH, Kind.FETCH],
        error_kind__in=in_vain(),
    )


def sentence_of(kind: str, *, said: str = "") -> Promise | str:
    """Why work of that kind of failure went wrong: as its document's row says it, else in general."""
    return IN_GENERAL.get(kind) or said or sentences().get(kind) or IN_GENERAL["unexpected"]


@cache
def sentences() -> dict[str, Promise | str]:
    # A provider's word goes first: "timeout" is a file's too, and only a provider's work waits for another try.
    found = {kind: words.sentence for kind, words in failure_messages.WORDINGS.items()}
    families: list[type[llm.ProviderError]] = [llm.ProviderError]
    while families:
        family = families.pop()
        found |= {family.kind: family.sentence, **family.sentences}
        families += family.__subclasses__()
    return found
