"""A folder and the documents that follow it: what is new, changed, moved and vanished since the last time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.core.files import File

from documents.archives import is_unasked
from documents.extraction import UnreadableFile
from documents.models import Collection, Document
from documents.models.document import DuplicateContent, title_of
from ragsite.accounts.models import User


@dataclass
class Differences:
    """Paths in the folder, and the documents that stand for them."""

    new: list[str] = field(default_factory=list)
    changed: list[tuple[str, Document]] = field(default_factory=list)
    moved: list[tuple[str, Document]] = field(default_factory=list)
    vanished: list[Document] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    copies: list[tuple[str, Document]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def paths_in(folder: Path) -> list[str]:
    """Of all files in it, however deep, seen from it and with slashes; hidden ones left out."""
    found = (
        Path(root, name).relative_to(folder).as_posix()
        for root, _folders, names in os.walk(folder)
        for name in names
    )
    return sorted(path for path in found if not is_unasked(path))


def compare(folder: Path, shelf: Collection, name: str) -> Differences:
    """By content first, then by path: a file that was renamed keeps its document, and nothing is read anew for it."""
    differences = Differences()
    hashes = dict(_hashes(folder, differences))
    documents = list(shelf.documents.filter(synced_from=name).exclude(path="").defer("embedding"))
    at_path = {document.path: document for document in documents}
    with_content = {document.sha256: document for document in documents}
    used = {document.pk for path, document in at_path.items() if hashes.get(path) == document.sha256}
    differences.same = [path for path, digest in hashes.items() if _is_at(at_path, path, digest)]
    left = {path: digest for path, digest in hashes.items() if not _is_at(at_path, path, digest)}
    for path, digest in list(left.items()):
        if document := with_content.get(digest):
            (differences.copies if document.pk in used else differences.moved).append((path, document))
            used.add(document.pk)
            del left[path]
    for path in left:
        document = at_path.get(path)
        if document is None or document.pk in used:
            differences.new.append(path)
        else:
            differences.changed.append((path, document))
            used.add(document.pk)
    missing = {path for path, _reason in differences.unreadable}  # there, but not to be judged by
    differences.vanished = [d for d in documents if d.pk not in used and d.path not in missing]
    return differences


def _is_at(at_path: dict[str, Document], path: str, digest: str) -> bool:
    return path in at_path and at_path[path].sha256 == digest


def _hashes(folder: Path, differences: Differences) -> Iterator[tuple[str, str]]:
    for path in paths_in(folder):
        try:
            with (folder / path).open("rb") as stream:
                yield path, hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            differences.unreadable.append((path, error.strerror or "cannot be opened"))


def add(folder: Path, path: str, shelf: Collection, name: str, user: User) -> tuple[Document, bool]:
    """The document, and whether it is new. One that somebody added by hand stays theirs. Raises UnreadableFile, OSError."""
    with (folder / path).open("rb") as stream:
        upload = File(stream, name=Path(path).name)
        return Document.objects.add_file(shelf, upload, user=user, synced_from=name, path=path)


def replace(folder: Path, path: str, document: Document) -> None:
    """Raises UnreadableFile, OSError; also for a content that the collection has elsewhere."""
    try:
        with (folder / path).open("rb") as stream:
            document.replace(File(stream, name=Path(path).name))
    except DuplicateContent:
        raise UnreadableFile("known_content") from None


def move(path: str, document: Document) -> None:
    title = title_of(Path(path).name)
    Document.objects.filter(pk=document.pk).update(path=path, title=title)
