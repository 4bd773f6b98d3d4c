from __future__ import annotations

import logging
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from ragsite.operations.doctor import Finding, State, examine


class Command(BaseCommand):
    help = "Try every part that the site needs, and say what to do about those that are not well. Exit status 1 if one fails."
    requires_system_checks = []  # it must also run where they fail

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--offline",
            "--no-provider",
            action="store_true",
            dest="offline",
            help="leave the language models alone: no call that costs",
        )

    def handle(self, *args: Any, offline: bool, **options: Any) -> None:
        found = []
        logging.disable(logging.ERROR)  # the same stream: findings say what is to be said
        try:
            for finding in examine(ask_provider=not offline):
                self.stdout.write(self.line(finding))
                self.stdout.flush()
                found.append(finding.state)
        finally:
            logging.disable(logging.NOTSET)
        counts = {"fail": found.count(State.FAIL), "warn": found.count(State.WARN), "all": len(found)}
        self.stdout.write(_("%(all)s looked at: %(fail)s failed, %(warn)s to be warned of.") % counts)
        if counts["fail"]:
            sys.exit(1)

    def line(self, finding: Finding) -> str:
        style = {State.OK: self.style.SUCCESS, State.WARN: self.style.WARNING, State.FAIL: self.style.ERROR}
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        return f"{style[finding.state](f'{finding.state:<5}')} {finding.name:<18} {finding.sentence}{remedy}"
