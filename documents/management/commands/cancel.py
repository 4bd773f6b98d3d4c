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
        "Cancel queued and running tasks: of documents (by id), by task id, or of one kind, such as a summary (summarise) or"
        " an index build (build). The options narrow each other. Documents that were searchable stay searchable."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--document", type=int, nargs="+", metavar="ID", help="only tasks of these documents"
        )
        parser.add_argument("--task", type=int, nargs="+", metavar="ID", help="only these tasks")
        parser.add_argument("--kind", choices=Kind.values, help="only tasks of this kind")

    def handle(
        self,
        *args: Any,
        document: list[int] | None,
        task: list[int] | None,
        kind: str | None,
        **options: Any,
    ) -> None:
        if not (document or task or kind):
            raise CommandError("Specify --document, --task or --kind.")
        self.check_ids("document", document, Document.objects.all())
        self.check_ids("task", task, Task.objects.all())
        if document and not (task or kind):
            count = self.cancel_documents(document)
        else:
            count = replay.cancel(self.find_tasks(document, task, kind))
        logger.info("user=- verb=cancel count=%s via=manage.py", count)
        self.stdout.write(f"{count} cancelled.")

    def check_ids(self, noun: str, ids: list[int] | None, rows: Any) -> None:
        """An unknown id is probably a typing error: the command changes nothing then."""
        known = set(rows.filter(pk__in=ids or []).values_list("pk", flat=True))
        if unknown := set(ids or []) - known:
            raise CommandError(f"Unknown {noun}: {', '.join(map(str, sorted(unknown)))}.")

    def cancel_documents(self, ids: list[int]) -> int:
        """Cancel the tasks that make the documents searchable; returns how many documents that were."""
        return Document.objects.filter(pk__in=ids).defer("embedding").cancel()

    def find_tasks(
        self, documents: list[int] | None, tasks: list[int] | None, kind: str | None
    ) -> TaskQuerySet:
        open_tasks = Task.objects.open()
        if documents:
            open_tasks = open_tasks.filter(document__in=documents)
        if tasks:
            open_tasks = open_tasks.filter(pk__in=tasks)
        if kind:
            open_tasks = open_tasks.filter(kind=kind)
        return open_tasks
