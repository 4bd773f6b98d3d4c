from typing import Any

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from ragsite.accounts.models import User


class SignedInRequest(HttpRequest):
    """The request of a view behind `login_required`. For type checkers only; never instantiated."""

    user: User
    htmx: HtmxDetails
    document_counts: (
        Any  # the DocumentCounts of the person, set by a view that has counted for the menu to show
    )
