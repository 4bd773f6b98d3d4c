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
    """What one check found, as a sentence; and what to do about it, where there is something to do."""

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


def tried(name: str, check: Callable[[], Finding]) -> Finding:
    """The check's finding. One that goes wrong itself says so by the fault's type, whose words might quote a password."""
    try:
        return check()
    except Exception as error:
        sentence = _("This could not be looked at (%(error)s).") % {"error": type(error).__name__}
        return fail(name, sentence, _("Look at what was found above; else report it as a fault of ragsite."))
