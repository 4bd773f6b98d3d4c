from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from qa.answering import ask
from qa.models import AnswerState
from qa.sentences import answer_origin, page_name
from ragsite.accounts.models import User


class Command(BaseCommand):
    help = "Ask a question about the documents and print the answer as it is written, then its sources."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("question")
        parser.add_argument("--user", help="username of the asker (default: the first operator)")

    def handle(self, *args: Any, question: str, user: str | None, **options: Any) -> None:
        try:
            person = User.objects.find(user)
        except User.DoesNotExist as error:
            raise CommandError(str(error)) from None
        asked = ask(question, user=person, on_text=self.write)
        self.stdout.write("")
        if asked.notice:
            self.stdout.write(f"\n{asked.notice}")
        for citation in asked.citations.cited().with_serving():
            self.stdout.write(f"[{citation.number}] {citation.document_title}, {page_name(citation)}")
        if origin := answer_origin(asked):
            self.stdout.write(f"({origin})")
        if asked.state != AnswerState.COMPLETE:
            raise CommandError(f"The answer did not complete: {asked.get_state_display()}.")

    def write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()
