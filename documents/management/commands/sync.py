from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from documents.extraction import UnreadableFile
from documents.management.adding import AddCommand
from documents.models import Collection, Document
from documents.sources import sync
from documents.sources.folder import LEADS_OUT, files_in, reason
from documents.sources.sync import Differences
from ragsite.accounts.models import User

MAX_NAME_LENGTH = 255


class Command(AddCommand):
    help = (
        "Synchronize documents with a folder: add new files, replace changed ones, and list missing ones. Exits with 1 if a"
        " file could not be added."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        super().add_arguments(parser)
        parser.add_argument(
            "--name", help="name of the folder in the database (default: its path), for folders that move"
        )
        parser.add_argument("--delete", action="store_true", help="delete the documents of missing files")
        parser.add_argument(
            "--dry-run", action="store_true", help="print what would change, and change nothing"
        )
        parser.add_argument(
            "--wait", action="store_true", help="wait until the workers have indexed the documents"
        )

    def handle(
        self,
        *args: Any,
        folder: Path,
        user: str,
        collection: str,
        name: str,
        delete: bool,
        dry_run: bool,
        yes: bool,
        wait: bool,
        **options: Any,
    ) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        name = name or str(folder.resolve())
        if len(name) > MAX_NAME_LENGTH:
            raise CommandError("The path of the folder is too long: specify a --name.")
        owner = self.get_user(user)
        target = self.get_collection(owner, collection)
        found = sync.compare(folder, target, name)
        if delete and found.missing:
            self.check_not_empty(folder)
        self.refused = list(found.unreadable)
        self.documents: list[Document] = []
        self.list_differences(found, delete)
        if dry_run:
            self.rehearse(found, folder, target)
        else:
            self.confirm(found, folder, yes)
            self.apply(found, folder, target, name, owner, delete)
        if wait and not dry_run:
            self.wait_for(self.documents)
        self.print_summary(found, delete, "would be " if dry_run else "")
        self.report_failures()

    def check_not_empty(self, folder: Path) -> None:
        """Refuse to delete the documents of an empty folder: an unmounted disk looks the same."""
        if not any(files_in(folder)):
            raise CommandError(
                "The folder is empty, so nothing was deleted. You can delete its documents on the Documents page."
            )

    def confirm(self, found: Differences, folder: Path, yes: bool) -> None:
        if paths := [folder / path for path in [*found.new, *(path for path, _document in found.changed)]]:
            self.confirm_price(paths, yes)

    def list_differences(self, found: Differences, delete: bool) -> None:
        lines = [
            *(("new", path) for path in found.new),
            *(("changed", path) for path, _document in found.changed),
            *(("moved", f"{document.path} -> {path}") for path, document in found.moved),
            *(("same as " + repr(document.title), path) for path, document in found.copies),
            *(("missing, deleted" if delete else "missing", document.path) for document in found.missing),
            *((f"skipped, {LEADS_OUT}", path) for path in found.links_out),
        ]
        for difference, path in lines:
            self.print_line(f"{path}: {difference}")

    def rehearse(self, found: Differences, folder: Path, collection: Collection) -> None:
        """Check each file as `apply` would, so that --dry-run reports refused files and duplicates too."""
        digests: set[str] = set()
        for path, document in found.changed:
            self.succeeds(path, partial(self.check_changed, folder, path, document, collection, digests))
        for path in list(found.new):
            self.succeeds(path, partial(self.check_new, folder, path, collection, found, digests))

    def check_changed(
        self, folder: Path, path: str, document: Document, collection: Collection, digests: set[str]
    ) -> None:
        digest = sync.check(folder, path)
        if digest in digests or collection.documents.filter(sha256=digest).exclude(pk=document.pk).exists():
            raise UnreadableFile("known_content")
        digests.add(digest)

    def check_new(
        self, folder: Path, path: str, collection: Collection, found: Differences, digests: set[str]
    ) -> None:
        digest = sync.check(folder, path)
        known = collection.documents.filter(sha256=digest).defer("embedding").first()
        if known:
            self.note_copy(path, known, found)
        elif digest in digests:
            found.new.remove(path)
            found.same.append(path)
            self.print_line(f"{path}: same as another new file")
        digests.add(digest)

    def apply(
        self, found: Differences, folder: Path, collection: Collection, name: str, owner: User, delete: bool
    ) -> None:
        for path, document in [*found.displaced, *found.moved]:
            sync.move(path, document)
        if delete:  # before adding: a new file may have the content of a missing one
            for document in found.missing:
                document.delete()
        for path, document in found.changed:
            if self.succeeds(path, partial(sync.replace, folder, path, document)):
                self.documents.append(document)
        for path in list(found.new):
            self.succeeds(path, partial(self.add, folder, path, collection, name, owner, found))

    def add(
        self, folder: Path, path: str, collection: Collection, name: str, owner: User, found: Differences
    ) -> None:
        document, is_new = sync.add(folder, path, collection, name, owner)
        if is_new:
            self.documents.append(document)
        else:
            self.note_copy(path, document, found)

    def note_copy(self, path: str, document: Document, found: Differences) -> None:
        found.new.remove(path)
        found.copies.append((path, document))
        self.print_line(f"{path}: already added as {document.title!r}")

    def succeeds(self, path: str, action: Callable[[], object]) -> bool:
        try:
            action()
        except UnreadableFile as error:
            self.refused.append((path, f"{error.sentence} {error.remedy}"))
        except OSError as error:
            self.refused.append((path, reason(error)))
        else:
            return True
        return False

    def print_summary(self, found: Differences, delete: bool, prefix: str = "") -> None:
        refused = {path for path, _reason in self.refused}
        new = [path for path in found.new if path not in refused]
        changed = [path for path, _document in found.changed if path not in refused]
        self.stdout.write(
            f"{len(new)} {prefix}added, {len(changed)} {prefix}replaced, {len(found.moved)} {prefix}moved,"
            f" {len(found.missing)} {prefix + 'deleted' if delete else 'missing'}, {len(found.same) + len(found.copies)} unchanged,"
            f" {len(refused)} skipped."
        )
        if found.missing and not delete:
            self.stdout.write("Documents of missing files stay searchable; use --delete to delete them.")

    def report_failures(self) -> None:
        """Print why files failed. Exits with 1 if any did."""
        current = Document.objects.filter(pk__in=[document.pk for document in self.documents])
        for document in current.failed():
            self.refused.append((document.path, f"{document.failure} {document.remedy}"))
        for path, sentence in self.refused:
            self.print_line(f"{path}: {sentence}")
        if self.refused:
            count = len(self.refused)
            raise CommandError(f"{count} {'file' if count == 1 else 'files'} could not be added.")
