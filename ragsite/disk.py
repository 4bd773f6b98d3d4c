"""Recognize a full or read-only disk, and the messages for it."""

from __future__ import annotations

import errno
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FULL = (errno.ENOSPC, errno.EDQUOT)
NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
DISK_FULL_SQLSTATE = "53100"  # disk_full


class StorageProblem(NamedTuple):
    """Why the server could not store something that is valid. `status` is the HTTP status."""

    kind: str
    status: int
    sentence: Promise
    remedy: Promise


DISK_FULL = StorageProblem(
    "disk_full",
    507,
    _("This could not be saved: the server has no space left."),
    _("Your saved data is safe. Tell the operator of this site, and try again later."),
)
DISK_NOT_WRITABLE = StorageProblem(
    "disk_not_writable",
    503,
    _("This could not be saved: the server cannot write files right now."),
    _("Your saved data is safe. Tell the operator of this site, and try again later."),
)


class StorageError(OSError):
    """The storage could not save a file and kept nothing of it."""


def storage_problem(error: BaseException | None) -> StorageProblem | None:
    """The problem behind a failed write to files or the database; None for any other error."""
    if error is None:
        return None
    if getattr(error, "sqlstate", "") == DISK_FULL_SQLSTATE:
        return DISK_FULL
    number = error.errno if isinstance(error, OSError) else None
    if number in FULL:
        return DISK_FULL
    # Outside the storage, EACCES and EPERM may mean any file that cannot be opened.
    if number in NOT_WRITABLE and (isinstance(error, StorageError) or number == errno.EROFS):
        return DISK_NOT_WRITABLE
    return storage_problem(error.__cause__)
