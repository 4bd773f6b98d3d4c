from __future__ import annotations

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents.models import Document, Task
from documents.models.task import Kind, TaskQuerySet
from documents.work import replay

logger = logging.getLogger("ragsite.operations")


class Command(BaseCommand):
    help = (
        "Stop what is being done, or waits to be: with documents by their ids, or tasks by theirs or by their kind, such as a"
        " summary (summarise) or the building of an index (build). --kind narrows the others. What could be found before can"
        " still be found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--document", type=int, nargs="+", metavar="ID", help="only with these documents")
        parser.add_argument("--task", type=int, nargs="+", metavar="ID", help="only these tasks")
        parser.add_argument("--kind", choices=Kind.values, help="only tasks of that kind")

    def handle(
        self,
        *args: Any,
        document: list[int] | None,
        task: list[int] | None,
        kind: str | None,
        **options: Any,
    ) -> None:
        if not (document or task or kind):
            raise CommandError("Say what: --document, --task or --kind.")
        self.expect("document", document, Document.objects.all())
        self.expect("task", task, Task.objects.all())
        if document and not (task or kind):
            count = self.cancel_documents(document)
        else:
            count = replay.cancel(self.found(document, task, kind))
        logger.info("user=- verb=cancel count=%s via=manage.py", count)
        self.stdout.write(f"{count} cancelled.")

    def expect(self, what: str, ids: list[int] | None, rows: Any) -> None:
        """One that is not there is a slip of the pen, and then nothing is changed."""
        known = set(rows.filter(pk__in=ids or []).values_list("pk", flat=True))
        if unknown := set(ids or []) - known:
            raise CommandError(f"There is no {what} {', '.join(map(str, sorted(unknown)))}.")

    def cancel_documents(self, ids: list[int]) -> int:
        """Whatever makes them searchable."""
        found = Document.objects.filter(pk__in=ids).defer("embedding")
        moving = [document for document in found if document.is_moving]
        for document in moving:
            document.cancel()
        return len(moving)

    def found(self, documents: list[int] | None, tasks: list[int] | None, kind: str | None) -> TaskQuerySet:
        found = Task.objects.open()
        if documents:
            found = found.filter(document__in=documents)
        if tasks:
            found = found.filter(pk__in=tasks)
        if kind:
            found = found.filter(kind=kind)
        return found
