"""Django's database sessions, restricted to keys that Django could have generated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.contrib.auth import get_user
from django.contrib.sessions.backends import db
from django.http import HttpRequest

if TYPE_CHECKING:
    from ragsite.accounts.models import User

KEY = re.compile(r"[a-z0-9]{32}")


class SessionStore(db.SessionStore):
    """Rejects malformed keys: a cookie may contain characters that PostgreSQL refuses."""

    def _validate_session_key(self, key: object) -> bool:
        return isinstance(key, str) and KEY.fullmatch(key) is not None


def user_of_session(key: str | None) -> User | None:
    """Return the user signed in by that session now, for code that outlives its request.

    None once the session has ended, the account is disabled or the password was changed.
    """
    request = HttpRequest()
    request.session = SessionStore(key)
    user = get_user(request)
    return user if user.is_authenticated else None
