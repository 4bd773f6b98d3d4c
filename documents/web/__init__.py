"""One page of the web, fetched for a person who named its address: never from a private network, never for long, never much.

Knows neither the database nor what is done with the page.
"""

from documents.web.addresses import LONGEST, Address, Networks, is_public, without_credentials
from documents.web.client import FetchedPage, fetch_page
from documents.web.failures import SiteAway

__all__ = [
    "LONGEST",
    "Address",
    "FetchedPage",
    "Networks",
    "SiteAway",
    "fetch_page",
    "is_public",
    "without_credentials",
]
