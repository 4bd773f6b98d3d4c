"""Files that are attached to a mail or PDF become documents of their own, beside the one they came with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, cast

from django.core.files import File
from django.db import transaction
from django.utils.translation import gettext as _

from documents.extraction import UnreadableFile
from documents.extraction.sandbox.attachments import WITH_ATTACHMENTS, AttachedFile, attached_files
from documents.models import Attempt, Document, Task, Version
from documents.models.task import Superseded
from documents.sources.uploads import clean_name
from documents.sources.zip_upload import is_archive
from documents.work import shutdown
from ragsite.limits import max_upload_bytes

if TYPE_CHECKING:
    from ragsite.accounts.models import User

MAX_DEPTH = 3  # a mail with a PDF to which a mail is attached, and no further


class Outcome(NamedTuple):
    """What became of one attached file: the key of its document, or why there is none, in words."""

    name: str
    document: int | None = None
    reason: str = ""


class Shown(NamedTuple):
    """An attached file as a person sees it."""

    name: str
    document: Document | None
    reason: str


def are_wanted(version: Version) -> bool:
    """Whether something is attached that is to be added; what is attached to attachments ends at some depth."""
    has_some = version.media_type in WITH_ATTACHMENTS and bool(version.metadata.get("attachments"))
    return has_some and depth_of(version.document) < MAX_DEPTH


def depth_of(document: Document) -> int:
    """How many documents it hangs on, one on the other."""
    depth, above = 0, document.attached_to
    while above and depth < MAX_DEPTH:
        depth, above = depth + 1, above.attached_to
    return depth


def add_attachments(task: Task) -> None:
    """Each file attached to the newest content of the task's document, as a document of its own in the same collection.

    Safe to run twice: a content that is there already is linked to. Raises UnreadableFile where the file is gone.
    """
    document = task.document
    if document is None or (version := document.newest) is None:
        raise Superseded
    with Attempt.objects.record(task, "attach", task.job_under_way), version.local_path() as path:
        limit = max_upload_bytes()
        found = attached_files(path, version.media_type, max_bytes=limit)
        outcomes = [_add(task, document, attached) for attached in found]
    with transaction.atomic():
        if not task.claim():
            raise Superseded
        version.metadata["attached"] = outcomes
        Version.objects.filter(pk=version.pk).update(metadata=version.metadata)
        task.finish()


def _add(task: Task, document: Document, attached: AttachedFile) -> Outcome:
    shutdown.check()
    if not task.stands():
        raise Superseded
    name = clean_name(attached.name)
    try:
        if attached.reason:
            raise UnreadableFile(attached.reason)
        upload = File(attached.file, name=name)
        upload.size = attached.size
        if is_archive(upload, name):
            raise UnreadableFile("nested_archive")
        added, _is_new = Document.objects.add_file(
            document.collection, upload, user=document.uploaded_by, attached_to=document
        )
    except UnreadableFile as error:
        return Outcome(name, reason=str(error.sentence))
    except Document.DoesNotExist:  # what it was to hang on was deleted meanwhile
        raise Superseded from None
    return Outcome(name, added.pk)


def shown(version: Version, user: User) -> Iterator[Shown]:
    """What is attached to it, with the documents that the person may read."""
    outcomes = [Outcome(*outcome) for outcome in version.metadata.get("attached", ())]
    known = Document.objects.visible_to(user).defer("embedding")
    documents = known.in_bulk([outcome.document for outcome in outcomes if outcome.document])
    for name, document, reason in outcomes:
        yield Shown(name, documents.get(cast("int", document)), reason)
    told = {outcome.name for outcome in outcomes}
    reason = _("It could not be unpacked.") if "attached" in version.metadata else ""
    for name in version.metadata.get("attachments", ()):
        if clean_name(name) not in told:
            yield Shown(name, None, reason)
