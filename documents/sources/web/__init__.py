"""One page of the web, fetched for a person who named its address: never from a private network, never for long, never much.

Knows neither the database nor what is done with the page.
"""

from documents.sources.web.addresses import MAX_LENGTH, Address, Networks, is_public, without_credentials
from documents.sources.web.client import FetchedPage, fetch_page
from documents.sources.web.failures import SiteAway

__all__ = [
    "MAX_LENGTH",
    "Address",
    "FetchedPage",
    "Networks",
    "SiteAway",
    "fetch_page",
    "is_public",
    "without_credentials",
]
