"""The site's settings, for tests: where several pytest processes run at once, each has Redis databases of its own."""

import os
from urllib.parse import urlencode, urlsplit

APART = 2  # the queue's and, beside it, the cache's


def redis_database(url: str, number: int) -> str:
    """That database of the server which the URL names."""
    address, _mark, query = url.partition("?")
    if address.startswith("unix:"):
        rest = [part for part in query.split("&") if part and not part.startswith("db=")]
        return "?".join([address, "&".join([*rest, urlencode({"db": number})])])
    return urlsplit(url)._replace(path=f"/{number}").geturl()


if place := int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")):
    os.environ["REDIS_URL"] = redis_database(os.environ["REDIS_URL"], place * APART)
os.environ["DJANGO_SETTINGS_MODULE"] = "ragsite.settings"  # for the processes that tests start

from ragsite.settings import *  # noqa: E402, F403
from ragsite.settings import MIDDLEWARE, STORAGES  # noqa: E402

# Whatever this machine has, and its environment says.
OCR = False
OPENAI_API_KEY = OPENAI_BASE_URL = EMBEDDING_MODEL = EMBEDDING_BASE_URL = EMBEDDING_API_KEY = ""
EMBEDDING_EXTRA_HEADERS = {}
EMBEDDING_QUERY_PREFIX = EMBEDDING_PASSAGE_PREFIX = None

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# An event loop and its threads for each request of the synchronous client would cost more than many a view.
MIDDLEWARE = [
    name.replace("servestatic.middleware.ServeStaticMiddleware", "tests.support.static_files.serve_static")
    for name in MIDDLEWARE
]

LLM_RELOAD_SECONDS = float("inf")  # else any test might see a query more
