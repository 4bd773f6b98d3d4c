from django.http import HttpRequest

from ragsite.accounts.models import User


class SignedInRequest(HttpRequest):
    """What a view behind `login_required` is given; only for type checkers, nothing makes one."""

    user: User
