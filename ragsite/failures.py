"""The base of all failures that a person gets explained, with the rule for the next try."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the fork server, which raises failures, holds nothing of Django
    from django.utils.functional import Promise

    Text = str | Promise


class Retry(Enum):
    NEVER = "never"  # the next try would fail the same way
    LATER = "later"  # it may pass
    AFTER_FIX = "after a fix"  # it passes after a change of key, quota or settings; waiting costs no try


class Failure(Exception):
    """Work that failed for a known reason.

    `kind` is stored and compared; `sentence` and `remedy` are for people, and translated when displayed.
    """

    kind = ""
    retry = Retry.NEVER
    not_before: datetime | None = None  # the time that the other side named for the next try
    uses_up_tries = True  # False: waiting until `not_before` does not count towards the last try

    @property
    def affects_whole_site(self) -> bool:
        """Whether other pages of the same web site would fail too."""
        return False

    @property
    def sentence(self) -> Text:
        raise NotImplementedError

    @property
    def remedy(self) -> Text:
        raise NotImplementedError
