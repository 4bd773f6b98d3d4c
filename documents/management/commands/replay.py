from __future__ import annotations

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from documents.models import Document, Task
from documents.models.index import IndexState
from documents.models.task import TaskQuerySet, TaskState

logger = logging.getLogger("ragsite.operations")


class Command(BaseCommand):
    help = (
        "Queue tasks again and reset their retries: failed tasks, tasks that wait for a retry, or documents by id. Includes"
        " summaries and index builds. The options narrow each other."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--failed", action="store_true", help="all failed tasks")
        parser.add_argument("--all-waiting", action="store_true", help="all tasks that wait for a retry")
        parser.add_argument(
            "--kind", help="only failures of this kind, such as damaged, timeout or unexpected"
        )
        parser.add_argument("--document", type=int, nargs="+", metavar="ID", help="only these documents")

    def handle(
        self,
        *args: Any,
        failed: bool,
        all_waiting: bool,
        kind: str | None,
        document: list[int] | None,
        **options: Any,
    ) -> None:
        if not (failed or all_waiting or kind or document):
            raise CommandError("Specify --failed, --all-waiting, --kind or --document.")
        if document and not (failed or all_waiting or kind):
            count = self.replay_documents(document)
        else:
            count = self.find_tasks(failed, all_waiting, kind, document).replay()
        logger.info("user=- verb=replay count=%s via=manage.py", count)
        self.stdout.write(f"{count} queued.")

    def replay_documents(self, ids: list[int]) -> int:
        """Queue the documents again in any state; returns how many."""
        documents = Document.objects.filter(pk__in=ids).defer("embedding")
        if unknown := set(ids) - {document.pk for document in documents}:
            raise CommandError(f"Unknown document: {', '.join(map(str, sorted(unknown)))}.")
        return documents.replay()

    def find_tasks(
        self, failed: bool, all_waiting: bool, kind: str | None, documents: list[int] | None
    ) -> TaskQuerySet:
        is_failed = Q(state=TaskState.FAILED)
        is_waiting = Q(state=TaskState.OPEN) & ~Q(error_kind="")
        both = failed == all_waiting  # with --kind or --document alone, neither is given
        tasks = Task.objects.filter(is_failed | is_waiting if both else is_failed if failed else is_waiting)
        if kind:
            tasks = tasks.filter(error_kind=kind)
        if documents:
            tasks = tasks.filter(document__in=documents)
        return tasks.exclude(index__state=IndexState.RETIRED)
