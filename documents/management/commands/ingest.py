from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from django.core.files import File
from django.core.management.base import CommandError, CommandParser

from documents.extraction import UnreadableFile
from documents.management.adding import AddingCommand
from documents.models import Collection, Document
from documents.sources import folder
from documents.sources.web import Address, without_credentials
from documents.sources.zip_upload import Archive, Member, is_archive
from ragsite.accounts.models import User
from ragsite.limits import max_upload_bytes


class Command(AddingCommand):
    help = "Add files, the files in folders and zip archives, and web pages as documents; wait until the workers have read them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("things", nargs="+", metavar="PATH-OR-URL")
        super().add_arguments(parser)
        parser.add_argument("--no-wait", action="store_true", help="put them on the queue and leave")

    def handle(
        self,
        *args: Any,
        things: list[str],
        user: str,
        collection: str,
        yes: bool,
        no_wait: bool,
        **options: Any,
    ) -> None:
        self.documents: list[Document] = []
        self.refused: list[tuple[str, str]] = []
        person = self.person(user)
        shelf = self.shelf_of(person, collection)
        urls = [thing for thing in things if thing.startswith(("http://", "https://"))]
        files = dict(self.files_in(Path(thing) for thing in things if thing not in urls))
        if not files and not urls and not self.refused:
            raise CommandError("There are no files there.")
        if files:
            self.agree_to_price(list(files), yes)
        for path in self.shown(list(files), "Adding"):
            try:
                with folder.opened(path, within=files[path]) as stream:
                    self.add_file(path, stream, shelf, person)
            except OSError as error:
                self.refused.append((str(path), folder.reason(error)))
        for url in urls:
            self.add(without_credentials(url), partial(self.add_page, url, shelf, person))
        if not no_wait:
            self.wait_for(self.documents)
        self.report()

    def files_in(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Path | None]]:
        """The files named, and with their folder those in the folders named, however deep; hidden ones left out."""
        for path in paths:
            if path.is_dir():
                found = folder.files_in(path)
                self.refused += [(str(path / name), reason) for name, reason in found.unreadable]
                for name in found.links_out:
                    self.say(f"{path / name}: passed over, {folder.LEADS_OUT}")
                yield from ((path / name, path) for name in found.files)
            elif path.is_file():
                yield path, None
            elif path.exists():
                raise CommandError(f"{folder.printable(str(path))} is neither a file nor a folder.")
            else:
                raise CommandError(f"There is no {folder.printable(str(path))}.")

    def add_file(self, path: Path, stream: IO[bytes], shelf: Collection, person: User) -> None:
        file = File(stream, name=path.name)
        if is_archive(file, path.name):
            self.add_archive(path, file, shelf, person)
        else:
            self.add(str(path), partial(self.take, stream, path.name, shelf, person))

    def take(self, stream: IO[bytes], name: str, shelf: Collection, person: User) -> tuple[Document, bool]:
        with folder.copied(stream, name) as file:
            return self.store(file, shelf, person)

    def add_archive(self, path: Path, file: File, shelf: Collection, person: User) -> None:
        try:
            with Archive(file, most_bytes=max_upload_bytes()) as archive:
                for member in archive.members():
                    name = f"{path.name}: {member.name}"
                    self.add(name, partial(self.unpack, member, shelf, person))
        except UnreadableFile as error:
            self.refused.append((path.name, f"{error.sentence} {error.remedy}"))

    def add_page(self, url: str, shelf: Collection, person: User) -> tuple[Document, bool]:
        return Document.objects.add_page(shelf, Address.parse(url).text, user=person, is_limited=False)

    def unpack(self, member: Member, shelf: Collection, person: User) -> tuple[Document, bool]:
        with member.open() as file:
            return self.store(file, shelf, person)

    def store(self, file: File, shelf: Collection, person: User) -> tuple[Document, bool]:
        return Document.objects.add_file(shelf, file, user=person, is_limited=False)

    def add(self, name: str, verb: Callable[[], tuple[Document, bool]]) -> None:
        try:
            document, is_new = verb()
        except UnreadableFile as error:
            self.refused.append((name, f"{error.sentence} {error.remedy}"))
        except OSError as error:
            self.refused.append((name, folder.reason(error)))
        else:
            if is_new:
                self.documents.append(document)
            else:
                self.say(f"{name}: there already, as {document.title!r}")

    def report(self) -> None:
        """What became of each. With 1 if something failed."""
        current = Document.objects.filter(pk__in=[document.pk for document in self.documents])
        ready, failed, waiting = current.ready(), current.failed(), current.moving()
        self.stdout.write(
            f"{ready.count()} ready, {failed.count() + len(self.refused)} failed, {waiting.count()} waiting."
        )
        for name, sentence in self.refused:
            self.say(f"{name}: {sentence}")
        for document in [*failed, *waiting.exclude(failure_kind="")]:
            self.say(f"{document.title}: {document.failure} {document.remedy}")
        if count := failed.count() + len(self.refused):
            raise CommandError(f"{count} failed.")
