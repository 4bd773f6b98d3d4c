from __future__ import annotations

import logging
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ragsite.operations.doctor import Finding, State, examine


class Command(BaseCommand):
    help = "Check every part of the site and suggest remedies. Exits with status 1 if a check fails."
    requires_system_checks = []  # it must run even where they fail

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--offline",
            "--no-provider",
            action="store_true",
            dest="offline",
            help="skip the language models: no paid calls",
        )

    def handle(self, *args: Any, offline: bool, **options: Any) -> None:
        found = []
        logging.disable(logging.ERROR)  # same stream: the findings report the errors
        try:
            for finding in examine(ask_provider=not offline):
                self.stdout.write(self.line(finding))
                self.stdout.flush()
                found.append(finding.state)
        finally:
            logging.disable(logging.NOTSET)
        counts = {"fail": found.count(State.FAIL), "warn": found.count(State.WARN)}
        self.stdout.write(summary(len(found), counts["fail"], counts["warn"]))
        if counts["fail"]:
            sys.exit(1)

    def line(self, finding: Finding) -> str:
        style = {State.OK: self.style.SUCCESS, State.WARN: self.style.WARNING, State.FAIL: self.style.ERROR}
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        return f"{style[finding.state](f'{finding.state:<5}')} {finding.name:<18} {finding.sentence}{remedy}"


def summary(checks: int, failures: int, warnings: int) -> str:
    """Return the last line: "12 checks: 1 failed, 2 warnings"."""
    return _("%(checks)s: %(failures)s failed, %(warnings)s") % {
        "checks": ngettext("%d check", "%d checks", checks) % checks,
        "failures": failures,
        "warnings": ngettext("%d warning", "%d warnings", warnings) % warnings,
    }
