"""Slots for large uploads: how many one user, and all users of this process together, may send at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.utils.translation import gettext as _

from ragsite.http.rejections import Rejected

MAX_PER_USER = 6  # the upload tray uses three


class UploadSlots(Counter[int]):
    """The number of large bodies that each user is sending to this process, by user id."""

    @contextmanager
    def occupied_by(self, user_id: int) -> Iterator[None]:
        """Occupy a slot inside the block. Raises Rejected if none is free."""
        self._acquire(user_id)
        try:
            yield
        finally:
            self._release(user_id)

    def _acquire(self, user_id: int) -> None:
        if self[user_id] >= MAX_PER_USER:
            sentence = _("You are uploading too many files at once. Wait for some to finish, then try again.")
            raise Rejected(429, sentence, may_retry=True)
        if self.total() >= settings.MAX_UPLOADS_AT_ONCE:
            sentence = _("The site is receiving many uploads right now. Try again in a few seconds.")
            raise Rejected(503, sentence, may_retry=True)
        self[user_id] += 1

    def _release(self, user_id: int) -> None:
        self[user_id] -= 1
        if not self[user_id]:
            del self[user_id]


slots = UploadSlots()
