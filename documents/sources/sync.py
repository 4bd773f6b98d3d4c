"""Compares a folder with the documents synchronized from it: new, changed, moved and missing files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.db.models import F

from documents.extraction import UnreadableFile
from documents.extraction.registry import MAIL
from documents.models import Collection, Document
from documents.models.document import DuplicateContent
from documents.sources.folder import copied, files_in, opened, printable, reason
from documents.sources.uploads import clean_name, inspect, title_of
from ragsite.accounts.models import User

MAX_PATH_LENGTH = 1000  # characters, as Document.path


@dataclass
class Differences:
    """Paths in the folder and their documents. `displaced` documents only get another path; they are changed or missing too."""

    new: list[str] = field(default_factory=list)
    changed: list[tuple[str, Document]] = field(default_factory=list)
    moved: list[tuple[str, Document]] = field(default_factory=list)
    displaced: list[tuple[str, Document]] = field(default_factory=list)
    missing: list[Document] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    copies: list[tuple[str, Document]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    links_out: list[str] = field(default_factory=list)


def compare(folder: Path, collection: Collection, name: str) -> Differences:
    """Match files to documents by content, then by path: a renamed file keeps its document and is not indexed again."""
    differences = Differences()
    hashes = dict(_hashes(folder, differences))
    documents = list(collection.documents.filter(synced_from=name).exclude(path="").defer("embedding"))
    comparison = _Comparison(differences, hashes, documents)
    comparison.match_contents()
    comparison.match_paths()
    comparison.displace()
    comparison.reuse_unplaced(collection)
    comparison.find_missing()
    return differences


class _Comparison:
    """Matches hashed files to documents, step by step. `used` are the documents that have a file, by primary key."""

    def __init__(self, found: Differences, hashes: dict[str, str], documents: list[Document]) -> None:
        self.found, self.hashes, self.documents = found, hashes, documents
        self.at_path = {document.path: document for document in documents}
        self.at_path |= {d.path: d for d in documents if hashes.get(d.path) == d.sha256}
        self.used = {d.pk for path, d in self.at_path.items() if hashes.get(path) == d.sha256}
        found.same = [path for path, digest in hashes.items() if _is_at(self.at_path, path, digest)]
        self.left = {p: digest for p, digest in hashes.items() if not _is_at(self.at_path, p, digest)}

    def match_contents(self) -> None:
        by_content = {document.sha256: document for document in self.documents}
        for path, digest in list(self.left.items()):
            if document := by_content.get(digest):
                same = self.found.copies if document.pk in self.used else self.found.moved
                same.append((path, document))
                self.used.add(document.pk)
                del self.left[path]

    def match_paths(self) -> None:
        self.at_path = _after_moves(self.at_path, self.found.moved)
        for path in self.left:
            document = self.at_path.get(path)
            if document is None or document.pk in self.used:
                self.found.new.append(path)
            else:
                self.found.changed.append((path, document))
                self.used.add(document.pk)

    def displace(self) -> None:
        """Give documents whose path a moved one takes their path after the moves."""
        moved = {document.pk for _path, document in self.found.moved}
        elsewhere = [(p, d) for p, d in self.at_path.items() if p != d.path and d.pk not in moved]
        for path, document in elsewhere:
            self._displace(path, document)

    def reuse_unplaced(self, collection: Collection) -> None:
        """Let documents that lost their path have new files as new versions."""
        unplaced = [d for d in self.documents if d.pk not in self.used and d.path in self.hashes]
        for path, document in zip(_free_paths(self.found, self.left, collection), unplaced, strict=False):
            self.found.new.remove(path)
            self.found.changed.append((path, document))
            self._displace(path, document)
            self.used.add(document.pk)

    def _displace(self, path: str, document: Document) -> None:
        self.found.displaced.append((path, document))
        document.path = path  # its path once the files have been moved

    def find_missing(self) -> None:
        # A file below an unreadable path may still exist.
        hidden = [*(path for path, _reason in self.found.unreadable), *self.found.links_out]
        self.found.missing = [
            d for d in self.documents if d.pk not in self.used and not _is_under(hidden, d.path)
        ]


def _free_paths(differences: Differences, digests: dict[str, str], collection: Collection) -> list[str]:
    """New paths that a document can be moved to: one for each content that no document has or will have."""
    new = {digests[path]: path for path in reversed(differences.new)}
    changed = {digests[path] for path, _document in differences.changed}
    existing = set(collection.documents.filter(sha256__in=new).values_list("sha256", flat=True))
    return sorted(path for digest, path in new.items() if digest not in changed | existing)


def _after_moves(at_path: dict[str, Document], moves: list[tuple[str, Document]]) -> dict[str, Document]:
    """The documents by path after the moves. A document whose path is taken swaps places, so that no two share a path."""
    paths = {document.pk: path for path, document in at_path.items()}
    after = dict(at_path)
    for path, document in moves:
        old_path = paths.get(document.pk)
        other = after.get(path)
        if old_path is not None and after.get(old_path) == document:
            del after[old_path]
            if other is not None and other != document:
                after[old_path] = other
                paths[other.pk] = old_path
        after[path] = document
        paths[document.pk] = path
    return after


def _is_at(at_path: dict[str, Document], path: str, digest: str) -> bool:
    return path in at_path and at_path[path].sha256 == digest


def _is_under(paths: list[str], path: str) -> bool:
    return any(above in (".", path) or path.startswith(above + "/") for above in paths)


def _hashes(folder: Path, differences: Differences) -> Iterator[tuple[str, str]]:
    files, differences.unreadable, differences.links_out = files_in(folder)
    for path in files:
        try:
            path.encode()
            if len(path) > MAX_PATH_LENGTH:
                raise OSError(None, "its path is too long")
            with opened(folder / path, within=folder) as stream:
                yield path, hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            differences.unreadable.append((path, reason(error)))
        except UnicodeEncodeError:
            differences.unreadable.append((printable(path), "its name is not UTF-8"))


def add(folder: Path, path: str, collection: Collection, name: str, user: User) -> tuple[Document, bool]:
    """The document, and whether it is new; an upload with the same content is not touched. Raises UnreadableFile, OSError."""
    with opened(folder / path, within=folder) as stream, copied(stream, Path(path).name) as upload:
        return Document.objects.add_file(
            collection, upload, user=user, is_limited=False, synced_from=name, path=path
        )


def check(folder: Path, path: str) -> str:
    """The SHA-256 of a file that can be added. Raises UnreadableFile and OSError, as `add` and `replace` do."""
    with opened(folder / path, within=folder) as stream, copied(stream, Path(path).name) as upload:
        return inspect(upload, clean_name(upload.name or ""))[1]


def replace(folder: Path, path: str, document: Document) -> None:
    """Replace the document's content. Raises OSError, and UnreadableFile also if another document has the content.

    Does nothing if another process that synchronizes the same folder was faster.
    """
    with opened(folder / path, within=folder) as stream, copied(stream, Path(path).name) as upload:
        try:
            document.replace(upload, is_limited=False)
        except DuplicateContent:
            upload.seek(0)
            digest = hashlib.file_digest(upload, "sha256").hexdigest()
            if Document.objects.filter(pk=document.pk, sha256=digest).exists():
                return
            raise UnreadableFile("known_content") from None


def move(path: str, document: Document) -> None:
    """Change the path, and the title with it; not a title that a person set or that comes from a mail's subject."""
    moved = Document.objects.filter(pk=document.pk)
    moved.update(path=path)
    named_by_path = moved.filter(is_renamed=False).exclude(title=F("own_title"), serving__media_type=MAIL)
    named_by_path.update(title=title_of(clean_name(Path(path).name)))
