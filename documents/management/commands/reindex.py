from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents.ingestion import estimates, rebuild
from documents.models import Document, Index, Task
from documents.models.task import Kind, Stage
from ragsite import llm


class Command(BaseCommand):
    help = (
        "Do the indexing again. With --model: build a new index from the stored pages behind the live one, and make it live"
        " when it is complete. Without: redo documents in the live index."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--model", help="an embedding model, such as text-embedding-3-small or all-MiniLM-L6-v2"
        )
        parser.add_argument("--document", type=int, metavar="ID")
        parser.add_argument("--collection", metavar="NAME")
        parser.add_argument(
            "--from", dest="start_at", choices=Stage.values, default="", help="redo from this stage on"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask before paid work")

    def handle(
        self, *args: Any, model: str, document: int, collection: str, start_at: str, yes: bool, **options: Any
    ) -> None:
        if model:
            if document or collection or start_at:
                raise CommandError(
                    "A new index holds every document: --model goes without --document, --collection and --from."
                )
            self.build(model, yes)
        else:
            self.redo(document, collection, start_at)

    def build(self, model: str, yes: bool) -> None:
        try:
            llm.embedding_model(model)
        except LookupError as error:
            raise CommandError(str(getattr(error, "sentence", error))) from None
        estimate = estimates.of_reindexing(model)
        price = "price unknown" if estimate.price is None else f"about ${estimate.price:.4f}"
        if llm.embedding_model(model).is_local:
            price = "made on this machine"
        self.stdout.write(f"About {estimate.chunks:,} chunks, {estimate.tokens:,} tokens: {price}.")
        if not yes and not llm.embedding_model(model).is_local and self.refuses():
            raise CommandError("Nothing was begun.")
        index = rebuild.begin(model)
        self.stdout.write(
            f"Index {index.pk} is being built by the workers; it goes live by itself when complete."
        )

    def refuses(self) -> bool:
        return sys.stdin.isatty() and input("Go on? [y/N] ").strip().lower() not in ("y", "yes")

    def redo(self, document: int | None, collection: str | None, start_at: str) -> None:
        documents = Document.objects.filter(versions__isnull=False).distinct()
        if document:
            documents = documents.filter(pk=document)
        if collection:
            documents = documents.filter(collection__name=collection)
        index, count = Index.objects.live(), 0
        for found in documents:
            with suppress(Document.DoesNotExist):  # deleted meanwhile
                Task.objects.ask_for(Kind.INDEX, found, index, start_at=start_at)
                count += 1
        if not count:
            raise CommandError("There is no such document.")
        self.stdout.write(f"{count} put on the queue.")
