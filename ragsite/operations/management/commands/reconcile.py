from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from documents.work import reconciler


class Command(BaseCommand):
    help = "Put lost work back on the queue: once, or for ever as the clock process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="every two seconds until stopped")

    def handle(self, *args: Any, loop: bool, **options: Any) -> None:
        if loop:
            from qa.streaming import (
                interrupt_lost_answers,  # documents must not know qa; a command may know both
            )

            reconciler.loop(interrupt_lost_answers)
        else:
            self.stdout.write(f"{reconciler.revive_all(reconciler.lost_tasks())} put back on the queue")
