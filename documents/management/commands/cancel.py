from __future__ import annotations

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents.models import Document

logger = logging.getLogger("ragsite.operations")


class Command(BaseCommand):
    help = "Stop what is being done with documents. What could be found in them before can still be found."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--document", type=int, nargs="+", metavar="ID", required=True)

    def handle(self, *args: Any, document: list[int], **options: Any) -> None:
        found = Document.objects.filter(pk__in=document).defer("embedding")
        if unknown := set(document) - {each.pk for each in found}:
            raise CommandError(f"There is no document {', '.join(map(str, sorted(unknown)))}.")
        moving = [each for each in found if each.is_moving]
        for each in moving:
            each.cancel()
        logger.info("user=- verb=cancel count=%s via=manage.py", len(moving))
        self.stdout.write(f"{len(moving)} cancelled.")
