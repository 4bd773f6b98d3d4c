from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from documents.extraction import UnreadableFile
from documents.management.adding import AddingCommand
from documents.models import Collection, Document
from documents.sources import sync
from documents.sources.folder import LEADS_OUT, files_in, reason
from documents.sources.sync import Differences
from ragsite.accounts.models import User

MAX_NAME_LENGTH = 255


class Command(AddingCommand):
    help = (
        "Have documents follow a folder: adds its new files, replaces the contents of those that have changed, and tells which"
        " have vanished. Ends with 1 if a file could not be taken."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        super().add_arguments(parser)
        parser.add_argument(
            "--name", help="under which name the folder is remembered (default: its path), should it move"
        )
        parser.add_argument(
            "--delete", action="store_true", help="delete the documents of files that have vanished"
        )
        parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
        parser.add_argument("--wait", action="store_true", help="wait until the workers have read them")

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
            raise CommandError(f"There is no folder {folder}.")
        name = name or str(folder.resolve())
        if len(name) > MAX_NAME_LENGTH:
            raise CommandError("Its path is too long to be remembered: give it a --name.")
        person = self.person(user)
        shelf = self.shelf_of(person, collection)
        found = sync.compare(folder, shelf, name)
        if delete and found.vanished and not any(files_in(folder)):
            # An empty mount point looks like this too.
            raise CommandError(
                "The folder is empty: nothing was deleted. Delete its documents on their page."
            )
        self.refused = list(found.unreadable)
        self.documents: list[Document] = []
        self.tell(found, delete)
        if dry_run:
            self.rehearse(found, folder, shelf)
            self.sum_up(found, delete, "would be ")
            self.end()
            return
        if coming := [folder / path for path in [*found.new, *(path for path, _document in found.changed)]]:
            self.agree_to_price(coming, yes)
        self.carry_out(found, folder, shelf, name, person, delete)
        if wait:
            self.wait_for(self.documents)
        self.sum_up(found, delete)
        self.end()

    def tell(self, found: Differences, delete: bool) -> None:
        lines = [
            *(("new", path) for path in found.new),
            *(("changed", path) for path, _document in found.changed),
            *(("moved", f"{document.path} -> {path}") for path, document in found.moved),
            *(("same as " + repr(document.title), path) for path, document in found.copies),
            *(("vanished, deleted" if delete else "vanished", document.path) for document in found.vanished),
            *((f"passed over, {LEADS_OUT}", path) for path in found.links_out),
        ]
        for what, path in lines:
            self.say(f"{path}: {what}")

    def rehearse(self, found: Differences, folder: Path, shelf: Collection) -> None:
        """Look at each content as `carry_out` would: what it would refuse, or find there already, is not promised."""
        fresh: set[str] = set()
        for path, document in found.changed:
            self.could(path, partial(self.check_changed, folder, path, document, shelf, fresh))
        for path in list(found.new):
            self.could(path, partial(self.check_new, folder, path, shelf, found, fresh))

    def check_changed(
        self, folder: Path, path: str, document: Document, shelf: Collection, fresh: set[str]
    ) -> None:
        digest = sync.check(folder, path)
        if digest in fresh or shelf.documents.filter(sha256=digest).exclude(pk=document.pk).exists():
            raise UnreadableFile("known_content")
        fresh.add(digest)

    def check_new(
        self, folder: Path, path: str, shelf: Collection, found: Differences, fresh: set[str]
    ) -> None:
        digest = sync.check(folder, path)
        known = shelf.documents.filter(sha256=digest).defer("embedding").first()
        if known:
            self.note_copy(path, known, found)
        elif digest in fresh:
            found.new.remove(path)
            found.same.append(path)
            self.say(f"{path}: the same as another new file")
        fresh.add(digest)

    def carry_out(
        self, found: Differences, folder: Path, shelf: Collection, name: str, person: User, delete: bool
    ) -> None:
        for path, document in [*found.displaced, *found.moved]:
            sync.move(path, document)
        if delete:  # first: their contents may have come back under other names
            for document in found.vanished:
                document.delete()
        for path, document in found.changed:
            if self.could(path, partial(sync.replace, folder, path, document)):
                self.documents.append(document)
        for path in list(found.new):
            self.could(path, partial(self.add, folder, path, shelf, name, person, found))

    def add(
        self, folder: Path, path: str, shelf: Collection, name: str, person: User, found: Differences
    ) -> None:
        document, is_new = sync.add(folder, path, shelf, name, person)
        if is_new:
            self.documents.append(document)
        else:
            self.note_copy(path, document, found)

    def note_copy(self, path: str, document: Document, found: Differences) -> None:
        found.new.remove(path)
        found.copies.append((path, document))
        self.say(f"{path}: there already, as {document.title!r}")

    def could(self, path: str, verb: Callable[[], object]) -> bool:
        try:
            verb()
        except UnreadableFile as error:
            self.refused.append((path, f"{error.sentence} {error.remedy}"))
        except OSError as error:
            self.refused.append((path, reason(error)))
        else:
            return True
        return False

    def sum_up(self, found: Differences, delete: bool, would: str = "") -> None:
        refused = {path for path, _reason in self.refused}
        new = [path for path in found.new if path not in refused]
        changed = [path for path, _document in found.changed if path not in refused]
        self.stdout.write(
            f"{len(new)} {would}added, {len(changed)} {would}replaced, {len(found.moved)} {would}moved,"
            f" {len(found.vanished)} {would + 'deleted' if delete else 'vanished'}, {len(found.same) + len(found.copies)} unchanged,"
            f" {len(refused)} not taken."
        )
        if found.vanished and not delete:
            self.stdout.write("The documents of vanished files still answer; --delete deletes them.")

    def end(self) -> None:
        """With 1 if something is not as the folder has it."""
        current = Document.objects.filter(pk__in=[document.pk for document in self.documents])
        for document in current.failed():
            self.refused.append((document.path, f"{document.failure} {document.remedy}"))
        for path, sentence in self.refused:
            self.say(f"{path}: {sentence}")
        if self.refused:
            raise CommandError(f"{len(self.refused)} files could not be taken.")
