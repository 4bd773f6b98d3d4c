"""What the commands that add documents have in common: whose they are, what they cost, how far they have come."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents.ingestion import estimates
from documents.models import Collection, Document, Index
from documents.models.states import MOVING, State
from documents.sources.folder import printable
from ragsite import llm
from ragsite.accounts.models import User

Thing = TypeVar("Thing")
INTERRUPTED = 130  # as shells say it


class AddingCommand(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", help="whose collection (default: the first operator)")
        parser.add_argument(
            "--collection", help="the name of a collection that person may add to (default: their own)"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask before paid work")

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except KeyboardInterrupt:
            said = "Stopped. What was added until then stays; the same command goes on with the rest."
            raise CommandError(said, returncode=INTERRUPTED) from None

    def person(self, name: str | None) -> User:
        try:
            return User.objects.find(name)
        except User.DoesNotExist as error:
            raise CommandError(str(error)) from None

    def shelf_of(self, person: User, name: str | None) -> Collection:
        if not name:
            return Collection.objects.private_to(person)
        shelf = Collection.objects.editable_by(person).filter(name=name).first()
        if shelf is None:
            raise CommandError(f"{person} may not add to a collection named {name!r}.")
        return shelf

    def agree_to_price(self, files: Sequence[Path], yes: bool) -> None:
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

    def wait_for(self, documents: Sequence[Document]) -> None:
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

    def say(self, line: str) -> None:
        """Of a file; whatever its name holds, it is one line."""
        self.stdout.write(f"  {printable(line)}")

    def shown(self, things: Sequence[Thing], what: str) -> Iterator[Thing]:
        for number, thing in enumerate(things, 1):
            yield thing
            self.bar(what, number, len(things))
        self.stdout.write("")

    def bar(self, what: str, done: int, total: int) -> None:
        if self.stdout.isatty() and total:
            filled = 30 * done // total
            self.stdout.write(f"\r{what} [{'#' * filled}{'.' * (30 - filled)}] {done} of {total}", ending="")
            self.stdout.flush()
