from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents import estimates
from documents.extraction import UnreadableFile
from documents.models import Collection, Document, Index
from documents.models.document import MOVING, State
from ragsite import llm
from ragsite.accounts.models import User


class Command(BaseCommand):
    help = "Add files, and the files in folders, as documents; wait until the workers have read them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--user", help="whose collection (default: the first operator)")
        parser.add_argument(
            "--collection", help="the name of a collection that person may add to (default: their own)"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask before paid work")
        parser.add_argument("--no-wait", action="store_true", help="put them on the queue and leave")

    def handle(
        self,
        *args: Any,
        paths: list[Path],
        user: str,
        collection: str,
        yes: bool,
        no_wait: bool,
        **options: Any,
    ) -> None:
        try:
            person = User.objects.find(user)
        except User.DoesNotExist as error:
            raise CommandError(str(error)) from None
        shelf = self.shelf_of(person, collection)
        files = list(files_in(paths))
        if not files:
            raise CommandError("There are no files there.")
        self.agree_to_price(files, yes)
        documents, refused = self.add(files, shelf, person)
        if not no_wait:
            self.wait_for(documents)
        self.report(documents, refused)

    def shelf_of(self, person: User, name: str | None) -> Collection:
        if not name:
            return Collection.objects.private_to(person)
        shelf = Collection.objects.editable_by(person).filter(name=name).first()
        if shelf is None:
            raise CommandError(f"{person} may not add to a collection named {name!r}.")
        return shelf

    def agree_to_price(self, files: list[Path], yes: bool) -> None:
        """Reading a file for its tokens costs nothing; embedding them may."""
        model = llm.embedding_model(Index.objects.live().embedding_model)
        if model.is_local:
            self.stdout.write(f"{len(files)} files, embedded on this machine ({model.name}).")
            return
        tokens = sum(estimates.tokens_in(path, model.name) for path in self.shown(files, "Counting tokens"))
        price = llm.price(model.name, tokens, 0)
        cost = "price unknown" if price is None else f"about ${price:.4f}"
        self.stdout.write(f"{len(files)} files, {tokens:,} tokens for {model.name}: {cost}.")
        if not yes and sys.stdin.isatty() and input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was added.")

    def add(
        self, files: list[Path], shelf: Collection, person: User
    ) -> tuple[list[Document], list[tuple[Path, str]]]:
        documents, refused = [], []
        for path in self.shown(files, "Adding"):
            try:
                with path.open("rb") as stream:
                    document, created = Document.objects.add_file(
                        shelf, File(stream, name=path.name), user=person
                    )
            except UnreadableFile as error:
                refused.append((path, f"{error.sentence} {error.remedy}"))
            except OSError as error:
                refused.append((path, error.strerror or "cannot be opened"))
            else:
                if created:
                    documents.append(document)
                else:
                    self.stdout.write(f"  {path.name}: there already, as {document.title!r}")
        return documents, refused

    def wait_for(self, documents: list[Document]) -> None:
        ids = [document.pk for document in documents]
        while left := Document.objects.filter(pk__in=ids, state__in=MOVING).count():
            self.bar("Reading", len(ids) - left, len(ids))
            if (
                Document.objects.filter(pk__in=ids, state=State.WAITING).exclude(failure_kind="").count()
                == left
            ):
                break  # what is left waits for another try: the clock sees to it
            time.sleep(0.5)
        self.bar("Reading", len(ids) - left, len(ids))
        self.stdout.write("")

    def report(self, documents: list[Document], refused: list[tuple[Path, str]]) -> None:
        current = Document.objects.filter(pk__in=[document.pk for document in documents])
        ready, failed, waiting = current.ready(), current.failed(), current.moving()
        self.stdout.write(
            f"{ready.count()} ready, {failed.count() + len(refused)} failed, {waiting.count()} waiting."
        )
        for path, sentence in refused:
            self.stdout.write(f"  {path}: {sentence}")
        for document in [*failed, *waiting.exclude(failure_kind="")]:
            self.stdout.write(f"  {document.title}: {document.failure} {document.remedy}")

    def shown(self, files: list[Path], what: str) -> Iterator[Path]:
        for number, path in enumerate(files, 1):
            yield path
            self.bar(what, number, len(files))
        self.stdout.write("")

    def bar(self, what: str, done: int, total: int) -> None:
        if self.stdout.isatty() and total:
            filled = 30 * done // total
            self.stdout.write(f"\r{what} [{'#' * filled}{'.' * (30 - filled)}] {done} of {total}", ending="")
            self.stdout.flush()


def files_in(paths: list[Path]) -> Iterator[Path]:
    """The files named, and those in the folders named, however deep; hidden ones left out."""
    for path in paths:
        if path.is_dir():
            yield from sorted(
                found for found in path.rglob("*") if found.is_file() and not found.name.startswith(".")
            )
        elif path.exists():
            yield path
        else:
            raise CommandError(f"There is no {path}.")
