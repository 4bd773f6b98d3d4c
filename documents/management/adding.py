"""Base class of the commands that add documents: options, price, progress and waiting for the workers."""

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

Item = TypeVar("Item")
INTERRUPTED = 130  # the exit status of shells after Ctrl-C


class AddCommand(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", help="owner of the documents (default: the first operator)")
        parser.add_argument(
            "--collection", help="name of a collection that the user may add to (default: the user's own)"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation before paid work")

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except KeyboardInterrupt:
            message = "Interrupted. Documents added so far stay; run the same command again to add the rest."
            raise CommandError(message, returncode=INTERRUPTED) from None

    def get_user(self, name: str | None) -> User:
        try:
            return User.objects.find(name)
        except User.DoesNotExist as error:
            raise CommandError(str(error)) from None

    def get_collection(self, user: User, name: str | None) -> Collection:
        if not name:
            return Collection.objects.private_to(user)
        collection = Collection.objects.editable_by(user).filter(name=name).first()
        if collection is None:
            raise CommandError(f"{user} may not add to a collection named {name!r}.")
        return collection

    def confirm_price(self, files: Sequence[Path], yes: bool) -> None:
        """Print the price of embedding the files, and ask for confirmation if it is not free."""
        model = llm.embedding_model(Index.objects.live().embedding_model)
        if model.is_local:
            self.stdout.write(f"{len(files)} files, embedded on this machine ({model.name}).")
            return
        tokens = sum(
            estimates.tokens_in(path, model.name) for path in self.with_progress(files, "Counting tokens")
        )
        price = llm.price(model.name, tokens, 0)
        cost = "price unknown" if price is None else f"about ${price:.4f}"
        self.stdout.write(f"{len(files)} files, {tokens:,} tokens for {model.name}: {cost}.")
        if not yes and sys.stdin.isatty() and input("Continue? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Cancelled. Nothing was added.")

    def wait_for(self, documents: Sequence[Document]) -> None:
        ids = [document.pk for document in documents]
        while left := Document.objects.filter(pk__in=ids, state__in=MOVING).count():
            self.show_progress("Reading", len(ids) - left, len(ids))
            waiting = Document.objects.filter(pk__in=ids, state=State.WAITING)
            if waiting.exclude(failure_kind="").count() == left:
                break  # all others wait for a retry
            time.sleep(0.5)
        self.show_progress("Reading", len(ids) - left, len(ids))
        self.stdout.write("")

    def print_line(self, line: str) -> None:
        """Print an indented line; control characters of file names are replaced."""
        self.stdout.write(f"  {printable(line)}")

    def with_progress(self, items: Sequence[Item], label: str) -> Iterator[Item]:
        for number, item in enumerate(items, 1):
            yield item
            self.show_progress(label, number, len(items))
        self.stdout.write("")

    def show_progress(self, label: str, done: int, total: int) -> None:
        if self.stdout.isatty() and total:
            filled = 30 * done // total
            self.stdout.write(f"\r{label} [{'#' * filled}{'.' * (30 - filled)}] {done} of {total}", ending="")
            self.stdout.flush()
