from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext as _

Text = str | Promise


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """The result of one check as a sentence, and the remedy if there is one."""

    name: str
    state: State
    sentence: Text
    remedy: Text = ""

    @property
    def is_bad(self) -> bool:
        return self.state == State.FAIL


def ok(name: str, sentence: Text) -> Finding:
    return Finding(name, State.OK, sentence)


def warn(name: str, sentence: Text, remedy: Text) -> Finding:
    return Finding(name, State.WARN, sentence, remedy)


def fail(name: str, sentence: Text, remedy: Text) -> Finding:
    return Finding(name, State.FAIL, sentence, remedy)


def run_check(name: str, check: Callable[[], Finding]) -> Finding:
    """Run the check. If it crashes, report the exception's type only: its message might contain a password."""
    try:
        return check()
    except Exception as error:
        sentence = _("This check failed (%(error)s).") % {"error": type(error).__name__}
        return fail(name, sentence, _("See the findings above; otherwise report it as a bug in ragsite."))
