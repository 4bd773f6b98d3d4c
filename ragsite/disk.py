"""A disk that takes no more, wherever that is met, and what a person is told of it."""

from __future__ import annotations

import errno
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FULL = (errno.ENOSPC, errno.EDQUOT)
NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
DATABASE_IS_FULL = "53100"  # SQLSTATE disk_full


class Trouble(NamedTuple):
    """Why something could not be stored: nothing is wrong with what was sent. `status` is HTTP's."""

    kind: str
    status: int
    sentence: Promise
    remedy: Promise


IS_FULL = Trouble(
    "disk_full",
    507,
    _("This could not be stored: the server has no space left just now."),
    _("What was stored before is safe. Tell the operator of this site, and try again later."),
)
IS_NOT_WRITABLE = Trouble(
    "disk_not_writable",
    503,
    _("This could not be stored: the server cannot write files just now."),
    _("What was stored before is safe. Tell the operator of this site, and try again later."),
)


class CannotStore(OSError):
    """The storage did not take a file; nothing of it is left there."""


def trouble_of(error: BaseException | None) -> Trouble | None:
    """What to say of a failure to store something, be it in files or in the database; None for every other failure."""
    if error is None:
        return None
    if getattr(error, "sqlstate", "") == DATABASE_IS_FULL:
        return IS_FULL
    number = error.errno if isinstance(error, OSError) else None
    if number in FULL:
        return IS_FULL
    if number in NOT_WRITABLE and (isinstance(error, CannotStore) or number == errno.EROFS):
        return IS_NOT_WRITABLE  # elsewhere that number may mean any file that may not be opened
    return trouble_of(error.__cause__)
