"""Django's sessions in the database, asked only for keys that it could have made itself."""

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
    """A cookie may hold anything, also what PostgreSQL does not take for a text."""

    def _validate_session_key(self, key: object) -> bool:
        return isinstance(key, str) and KEY.fullmatch(key) is not None


def user_of_session(key: str | None) -> User | None:
    """Who is signed in by that session now, for what outlives the request that it came with: None once it has ended, the
    person was switched off, or the password was changed."""
    request = HttpRequest()
    request.session = SessionStore(key)
    user = get_user(request)
    return user if user.is_authenticated else None
