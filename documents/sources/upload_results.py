"""Add uploaded files and archives, and describe what became of each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.files.base import File
from django.db import DatabaseError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from documents.extraction import UnreadableFile
from documents.models import Collection, Document
from documents.sources.uploads import visible
from documents.sources.zip_upload import Archive, is_archive
from ragsite.disk import StorageProblem, storage_problem
from ragsite.limits import max_upload_bytes

if TYPE_CHECKING:
    from ragsite.accounts.models import User

MAX_UNPACK_SECONDS = 25  # for the files of one archive

# Errors of a file or of the server that become a sentence; see UploadResult.refused.
REFUSALS = (UnreadableFile, OSError, DatabaseError)


@dataclass(frozen=True)
class UploadResult:
    """A new document, an existing one with the same content, or the reason why there is none and what to do."""

    name: str
    document: Document | None = None
    is_new: bool = False
    sentence: Promise | str = ""
    remedy: Promise | str = ""
    members: Sequence[UploadResult] = ()  # of an archive
    left_out: int = 0  # hidden files of an archive
    problem: StorageProblem | None = None  # of the server, not of the file

    @classmethod
    def for_error(cls, name: str, error: UnreadableFile | OSError | DatabaseError) -> UploadResult:
        """Explain why the file was refused. Re-raises errors that have no explanation."""
        if isinstance(error, UnreadableFile):
            return cls(name, sentence=error.sentence, remedy=error.remedy)
        if problem := storage_problem(error):
            return cls(name, sentence=problem.sentence, remedy=problem.remedy, problem=problem)
        raise error

    @property
    def problems(self) -> list[StorageProblem]:
        """The server's, with this file and with its members."""
        return [result.problem for result in (self, *self.members) if result.problem]

    @property
    def added(self) -> list[UploadResult]:
        return [member for member in self.members if member.is_new]

    @property
    def known(self) -> list[UploadResult]:
        return [member for member in self.members if member.document and not member.is_new]

    @property
    def refused(self) -> list[UploadResult]:
        return [member for member in self.members if not member.document]

    @property
    def has_documents(self) -> bool:
        """Whether any file of the archive is a document now."""
        return bool(self.added or self.known)

    @property
    def summary(self) -> str:
        """One line for an archive: "2 added, 1 skipped, 1 already there"."""
        parts = [_("%s added") % intcomma(len(self.added))]
        if self.refused:
            parts.append(_("%s skipped") % intcomma(len(self.refused)))
        if self.known:
            parts.append(_("%s already there") % intcomma(len(self.known)))
        if self.left_out:
            hidden = ngettext("%s hidden file ignored", "%s hidden files ignored", self.left_out)
            parts.append(hidden % intcomma(self.left_out))
        return ", ".join(parts)


def add_upload(file: File, name: str, collection: Collection, user: User) -> UploadResult:
    """Add a file, or each file of an archive, under the name by which the person knows it."""
    if is_archive(file, name):
        return _add_archive(file, name, collection, user)
    return _add_file(file, name, collection, user)


def _add_file(file: File, name: str, collection: Collection, user: User) -> UploadResult:
    try:
        document, is_new = Document.objects.add_file(collection, file, user=user)
    except REFUSALS as error:
        return UploadResult.for_error(name, error)
    return UploadResult(name, document, is_new)


def _add_archive(file: File, name: str, collection: Collection, user: User) -> UploadResult:
    try:
        with Archive(file, max_bytes=max_upload_bytes()) as archive:
            members = list(_add_members(archive, collection, user))
            sentence = "" if members else _("This archive contains no files.")
            return UploadResult(name, sentence=sentence, members=members, left_out=archive.left_out)
    except REFUSALS as error:
        return UploadResult.for_error(name, error)


def _add_members(archive: Archive, collection: Collection, user: User) -> Iterator[UploadResult]:
    """Stop adding after MAX_UNPACK_SECONDS, so that the request ends; the rest is listed as skipped."""
    deadline = time.monotonic() + MAX_UNPACK_SECONDS
    for member in archive.members():
        name = visible(member.name)
        if time.monotonic() > deadline:
            yield UploadResult(
                name,
                sentence=_("There was no time left for this file."),
                remedy=_("Upload the archive again: files you already have are skipped."),
            )
            continue
        try:
            with member.open() as file:
                yield _add_file(file, name, collection, user)
        except REFUSALS as error:
            yield UploadResult.for_error(name, error)
