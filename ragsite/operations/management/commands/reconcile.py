from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from documents.work.reconciler import Clock, lost_tasks, requeue_all
from qa.streaming import interrupt_lost_answers


class Command(BaseCommand):
    help = "Re-queue lost jobs: once, or with --loop as the clock process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="run every two seconds until stopped")

    def handle(self, *args: Any, loop: bool, **options: Any) -> None:
        if loop:
            Clock(interrupt_lost_answers).run()
        else:
            self.stdout.write(f"Put {requeue_all(lost_tasks())} tasks back on the queue.")
