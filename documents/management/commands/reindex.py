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
        "Index documents again. With --model: build a new index from the stored pages in the background, and make it live when"
        " it is complete. Without: index documents again in the live index."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--model",
            help="embedding model of the new index, such as text-embedding-3-small or all-MiniLM-L6-v2",
        )
        parser.add_argument("--document", type=int, metavar="ID")
        parser.add_argument("--collection", metavar="NAME")
        parser.add_argument(
            "--from",
            dest="start_at",
            choices=[Stage.EXTRACT.value],
            default="",
            help="extract the files again",
        )
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation before paid work")

    def handle(
        self, *args: Any, model: str, document: int, collection: str, start_at: str, yes: bool, **options: Any
    ) -> None:
        if model:
            if document or collection or start_at:
                raise CommandError(
                    "A new index contains all documents: --model excludes --document, --collection and --from."
                )
            self.build(model, yes)
        else:
            self.queue(document, collection, start_at)

    def build(self, model: str, yes: bool) -> None:
        try:
            llm.embedding_model(model)
        except LookupError as error:
            raise CommandError(str(getattr(error, "sentence", error))) from None
        estimate = estimates.estimate_reindexing(model)
        price = "price unknown" if estimate.price is None else f"about ${estimate.price:.4f}"
        if llm.embedding_model(model).is_local:
            price = "computed on this machine"
        self.stdout.write(f"About {estimate.chunks:,} chunks, {estimate.tokens:,} tokens: {price}.")
        if not yes and not llm.embedding_model(model).is_local and not self.is_confirmed():
            raise CommandError("Cancelled. Nothing was changed.")
        index = rebuild.begin(model)
        self.stdout.write(f"Workers are building index {index.pk}. It goes live when it is complete.")

    def is_confirmed(self) -> bool:
        return not sys.stdin.isatty() or input("Continue? [y/N] ").strip().lower() in ("y", "yes")

    def queue(self, document: int | None, collection: str | None, start_at: str) -> None:
        documents = Document.objects.filter(versions__isnull=False).distinct()
        if document:
            documents = documents.filter(pk=document)
        if collection:
            documents = documents.filter(collection__name=collection)
        index, count = Index.objects.live(), 0
        for found in documents:
            with suppress(Document.DoesNotExist):  # it was deleted since the query
                Task.objects.request(Kind.INDEX, found, index, start_at=start_at)
                count += 1
        if not count:
            raise CommandError("No such document.")
        self.stdout.write(f"{count} queued.")
