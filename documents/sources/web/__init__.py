"""Fetches single web pages: only from public addresses, with limits of time and size. Uses no database."""

from documents.sources.web.addresses import MAX_LENGTH, Address, Networks, is_public, without_credentials
from documents.sources.web.client import FetchedPage, fetch_page
from documents.sources.web.failures import SiteUnavailable

__all__ = [
    "MAX_LENGTH",
    "Address",
    "FetchedPage",
    "Networks",
    "SiteUnavailable",
    "fetch_page",
    "is_public",
    "without_credentials",
]
