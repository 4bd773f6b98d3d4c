from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from django.core.files import File
from django.core.management.base import CommandError, CommandParser

from documents.extraction import UnreadableFile
from documents.management.adding import AddCommand
from documents.models import Document
from documents.sources import folder
from documents.sources.web import Address, without_credentials
from documents.sources.zip_upload import Archive, Member, is_archive
from ragsite.limits import max_upload_bytes


class Command(AddCommand):
    help = "Add files, folders, zip archives and web pages as documents, and wait until the workers have indexed them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("sources", nargs="+", metavar="PATH-OR-URL")
        super().add_arguments(parser)
        parser.add_argument("--no-wait", action="store_true", help="do not wait for the workers")

    def handle(
        self,
        *args: Any,
        sources: list[str],
        user: str,
        collection: str,
        yes: bool,
        no_wait: bool,
        **options: Any,
    ) -> None:
        self.documents: list[Document] = []
        self.refused: list[tuple[str, str]] = []
        self.user = self.get_user(user)
        self.collection = self.get_collection(self.user, collection)
        urls = [source for source in sources if source.startswith(("http://", "https://"))]
        files = dict(self.find_files(Path(source) for source in sources if source not in urls))
        if not files and not urls and not self.refused:
            raise CommandError("No files found.")
        if files:
            self.confirm_price(list(files), yes)
        for path in self.with_progress(list(files), "Adding"):
            try:
                with folder.opened(path, within=files[path]) as stream:
                    self.add_file(path, stream)
            except OSError as error:
                self.refused.append((str(path), folder.reason(error)))
        for url in urls:
            self.add(without_credentials(url), partial(self.add_page, url))
        if not no_wait:
            self.wait_for(self.documents)
        self.report()

    def find_files(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Path | None]]:
        """Files with None, and files at any depth of a folder with that folder; hidden files are left out."""
        for path in paths:
            if path.is_dir():
                found = folder.files_in(path)
                self.refused += [(str(path / name), reason) for name, reason in found.unreadable]
                for name in found.links_out:
                    self.print_line(f"{path / name}: skipped, {folder.LEADS_OUT}")
                yield from ((path / name, path) for name in found.files)
            elif path.is_file():
                yield path, None
            elif path.exists():
                raise CommandError(f"{folder.printable(str(path))} is neither a file nor a folder.")
            else:
                raise CommandError(f"{folder.printable(str(path))} does not exist.")

    def add_file(self, path: Path, stream: IO[bytes]) -> None:
        file = File(stream, name=path.name)
        if is_archive(file, path.name):
            self.add_archive(path, file)
        else:
            self.add(str(path), partial(self.store_copy, stream, path.name))

    def store_copy(self, stream: IO[bytes], name: str) -> tuple[Document, bool]:
        with folder.copied(stream, name) as file:
            return self.store(file)

    def add_archive(self, path: Path, file: File) -> None:
        try:
            with Archive(file, max_bytes=max_upload_bytes()) as archive:
                for member in archive.members():
                    name = f"{path.name}: {member.name}"
                    self.add(name, partial(self.store_member, member))
        except UnreadableFile as error:
            self.refused.append((path.name, f"{error.sentence} {error.remedy}"))

    def add_page(self, url: str) -> tuple[Document, bool]:
        return Document.objects.add_page(
            self.collection, Address.parse(url).text, user=self.user, is_limited=False
        )

    def store_member(self, member: Member) -> tuple[Document, bool]:
        with member.open() as file:
            return self.store(file)

    def store(self, file: File) -> tuple[Document, bool]:
        return Document.objects.add_file(self.collection, file, user=self.user, is_limited=False)

    def add(self, name: str, store: Callable[[], tuple[Document, bool]]) -> None:
        try:
            document, is_new = store()
        except UnreadableFile as error:
            self.refused.append((name, f"{error.sentence} {error.remedy}"))
        except OSError as error:
            self.refused.append((name, folder.reason(error)))
        else:
            if is_new:
                self.documents.append(document)
            else:
                self.print_line(f"{name}: already added as {document.title!r}")

    def report(self) -> None:
        """Print the outcome. Exits with 1 if a document failed."""
        current = Document.objects.filter(pk__in=[document.pk for document in self.documents])
        ready, failed, waiting = current.ready(), current.failed(), current.moving()
        self.stdout.write(
            f"{ready.count()} ready, {failed.count() + len(self.refused)} failed, {waiting.count()} waiting."
        )
        for name, sentence in self.refused:
            self.print_line(f"{name}: {sentence}")
        for document in [*failed, *waiting.exclude(failure_kind="")]:
            self.print_line(f"{document.title}: {document.failure} {document.remedy}")
        if count := failed.count() + len(self.refused):
            raise CommandError(f"{count} failed.")
