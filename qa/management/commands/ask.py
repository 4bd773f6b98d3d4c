from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from qa.answering import ask
from qa.models import AnswerState
from ragsite.accounts.models import User


class Command(BaseCommand):
    help = "Ask about the documents; the answer streams to the terminal, its sources follow."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("question")
        parser.add_argument("--user", help="whose documents (default: the first operator)")

    def handle(self, *args: Any, question: str, user: str | None, **options: Any) -> None:
        try:
            person = User.objects.find(user)
        except User.DoesNotExist as error:
            raise CommandError(str(error)) from None
        asked = ask(question, user=person, on_text=self.say)
        self.stdout.write("")
        if asked.notice:
            self.stdout.write(f"\n{asked.notice}")
        for source in asked.citations.cited():
            self.stdout.write(
                f"[{source.number}] {source.document_title}, page {source.page_label or source.page}"
            )
        if asked.state != AnswerState.COMPLETE:
            raise CommandError(f"The answer is {asked.get_state_display()}.")

    def say(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()
