"""Adds the files attached to an email or PDF as separate documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, cast

from django.core.files import File
from django.utils.translation import gettext as _

from documents.extraction import UnreadableFile
from documents.extraction.sandbox.attachments import WITH_ATTACHMENTS, AttachedFile, attached_files
from documents.models import Attempt, Document, Task, Version
from documents.models.task import Superseded
from documents.sources.uploads import clean_name
from documents.sources.zip_upload import is_archive
from ragsite.limits import max_upload_bytes

if TYPE_CHECKING:
    from ragsite.accounts.models import User

MAX_DEPTH = 3  # a mail attached to a PDF attached to a mail


class Outcome(NamedTuple):
    """The result for one attached file: the key of its document, or the reason why it has none."""

    name: str
    document: int | None = None
    reason: str = ""


class Attachment(NamedTuple):
    """An attached file, and its document if the user may read it."""

    name: str
    document: Document | None
    reason: str


def are_wanted(version: Version) -> bool:
    """Whether the version has attachments to add, and is not nested too deeply itself."""
    has_attachments = version.media_type in WITH_ATTACHMENTS and bool(version.metadata.get("attachments"))
    return has_attachments and depth_of(version.document) < MAX_DEPTH


def depth_of(document: Document) -> int:
    """How many documents the document is nested in."""
    depth, parent = 0, document.attached_to
    while parent and depth < MAX_DEPTH:
        depth, parent = depth + 1, parent.attached_to
    return depth


def add_attachments(task: Task) -> None:
    """Add the files attached to the document's newest version as documents of the same collection.

    Safe to run twice: an existing document with the same content is linked. Raises UnreadableFile if the file is gone.
    """
    document = task.document
    if document is None or (version := document.newest) is None:
        raise Superseded
    with Attempt.objects.record(task, "attach", task.job_under_way), version.local_path() as path:
        limit = max_upload_bytes()
        found = attached_files(path, version.media_type, max_bytes=limit)
        outcomes = [_add(task, document, attached) for attached in found]
    with task.fence():
        version.metadata["attached"] = outcomes
        Version.objects.filter(pk=version.pk).update(metadata=version.metadata)
        task.finish()


def _add(task: Task, document: Document, attached: AttachedFile) -> Outcome:
    task.check_run()
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
    except Document.DoesNotExist:  # its parent has been deleted
        raise Superseded from None
    return Outcome(name, added.pk)


def attachments_of(version: Version, user: User) -> Iterator[Attachment]:
    """The attached files, with their documents as far as the user may read them."""
    outcomes = [Outcome(*outcome) for outcome in version.metadata.get("attached", ())]
    visible = Document.objects.visible_to(user).defer("embedding")
    documents = visible.in_bulk([outcome.document for outcome in outcomes if outcome.document])
    for name, document, reason in outcomes:
        yield Attachment(name, documents.get(cast("int", document)), reason)
    listed = {outcome.name for outcome in outcomes}
    reason = _("It could not be unpacked.") if "attached" in version.metadata else ""
    for name in version.metadata.get("attachments", ()):
        if clean_name(name) not in listed:
            yield Attachment(name, None, reason)
