"""Every setting of the site. The only file that reads the environment; `.env.example` lists the variables."""

import hashlib
import ipaddress
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from dotenv import load_dotenv
from psycopg_pool.base import AttemptWithBackoff
from redis.connection import parse_url as parse_redis_url

from ragsite import __version__, embedded
from ragsite.redis import connect_beside_the_queue, renaming_pool

BASE_DIR = Path(__file__).resolve().parent.parent


def read_env_file(path: Path) -> str:
    """Add the variables of the file to the environment, which wins; a sentence where the file cannot be read."""
    try:
        load_dotenv(path)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", "") or "it is no UTF-8"
        return f"{path} cannot be read by this process ({reason}): only the environment's variables count."
    return ""


ENV_FILE_PROBLEM = read_env_file(BASE_DIR / ".env")  # where every variable is set the file is not needed

PROBLEMS: list[
    str
] = []  # what is wrong with the variables; all of it is said at once, at the end of this file


def env(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    value = env(name, str(default))
    if value not in ("True", "False"):
        PROBLEMS.append(f"{name} is {value!r}; write True or False.")
    return value == "True"


def env_number(
    name: str, default: float | None, least: float, most: float, *, above_least: bool = False
) -> float | None:
    """A number between these two, both included; with `above_least` not the lower one itself."""
    if not (value := env(name)):
        return default
    try:
        number = float(value)
    except ValueError:
        PROBLEMS.append(f"{name} is {value!r}; write a number.")
        return default
    if not least <= number <= most or (above_least and number == least):  # nan is in no range
        bounds = f"above {least:g} and up to {most:g}" if above_least else f"from {least:g} to {most:g}"
        PROBLEMS.append(f"{name} is {value!r}; write a number {bounds}.")
        return default
    return number


def env_int(name: str, default: int, least: int, most: int) -> int:
    """A whole number between these two, both included."""
    value = env(name, str(default))
    is_whole = value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20
    if not is_whole or not least <= int(value) <= most:
        PROBLEMS.append(f"{name} is {value!r}; write a whole number from {least} to {most}.")
        return default
    return int(value)


def env_choice(name: str, default: str, choices: list[str]) -> str:
    value = env(name, default)
    found = next((choice for choice in choices if choice.lower() == value.lower()), None)
    if found is None:
        PROBLEMS.append(f"{name} is {value!r}; write one of {', '.join(choices)}.")
    return found or default


def env_words(name: str) -> str | None:
    """A text that stands before others, with its spaces; \\n is a new line. "none" is an empty one, nothing is None."""
    value = os.environ.get(name, "").replace("\\n", "\n")
    if value.strip().lower() == "none":
        return ""
    return value if value.strip() else None


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in env(name, default).split(",") if part.strip()]


def env_pairs(name: str) -> dict[str, str]:
    pairs = {}
    for part in env_list(name):
        key, mark, value = part.partition("=")
        if mark and key.strip() and value.strip():
            pairs[key.strip().lower()] = value.strip()
        else:
            PROBLEMS.append(f"{name} has {part!r}; write pairs such as .vtt=package.module.function.")
    return pairs


def env_headers(name: str) -> dict[str, str]:
    headers = {}
    for part in env_list(name):
        key, mark, value = part.partition("=")
        if (
            mark
            and re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", key.strip())
            and re.fullmatch(r"[ -~]+", value)
        ):
            headers[key.strip()] = value.strip()
        else:
            PROBLEMS.append(f"{name} has a pair that is no header; write pairs such as X-Title=ragsite.")
    return headers


def env_marks(name: str) -> list[tuple[str, str]]:
    marks = []
    for part in env_list(name):
        begin, dots, end = (piece.strip() for piece in part.partition("..."))
        if dots and min(len(begin), len(end)) >= 3:
            marks.append((begin, end))
        else:
            PROBLEMS.append(f"{name} has {part!r}; write what begins and ends a thought: <plan>...</plan>.")
    return marks


def env_networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(part) for part in env_list(name)]
    except ValueError as error:
        PROBLEMS.append(f"{name}: {error}; write networks such as 10.0.0.0/8.")
        return []


def required(name: str, value: str, remedy: str) -> str:
    """The value as it is; an empty one is a problem, unless a worse one was found with it."""
    if not value and not any(problem.startswith(f"{name} ") for problem in PROBLEMS):
        PROBLEMS.append(f"{name} is not set{remedy}")
    return value


def database(name: str, url: str) -> dict[str, Any]:
    """Django's values for that PostgreSQL; {} and a problem, which quotes no password, where it is no such URL."""
    values: dict[str, Any] = {}
    with suppress(ValueError):
        values = {**dj_database_url.parse(url)} if url else {}
    if url and values.get("ENGINE") != "django.db.backends.postgresql":
        PROBLEMS.append(f"{name} cannot be read; write postgres://user:password@host:5432/name.")
    return values


def env_redis(name: str, default: str) -> str:
    """A Redis URL; "" and a problem, which quotes no password, where it is none."""
    url = env(name, default)
    try:
        number = parse_redis_url(url).get("db", 0) if url else 0
        is_redis = urlsplit(url).scheme == "unix" or urlsplit(url).path.strip("/") in ("", str(number))
    except ValueError:
        is_redis = False
    if not is_redis:
        PROBLEMS.append(f"{name} cannot be read; write redis://:password@host:6379/0.")
    return url if is_redis else ""


def env_prefix(name: str, default: str) -> str:
    value = env(name, default)
    if not re.fullmatch(r"[\w.-]+", value, re.ASCII):
        PROBLEMS.append(f"{name} is {value!r}; write letters, digits, dots and dashes.")
        return default
    return value


def env_hosts(name: str, default: str) -> list[str]:
    """Names of hosts as a browser sends them, without scheme, port and path: another one would never be met."""
    hosts = env_list(name, default)
    for host in hosts:
        if not re.fullmatch(r"\*|\.?[\w-]+(\.[\w-]+)*\.?|\[[0-9a-fA-F:.]+\]", host):
            PROBLEMS.append(f"{name} has {host!r}; write names such as docs.example.org.")
    return hosts


def env_site_url(name: str) -> str:
    """Where the site is reached, without a slash at its end; "" where that is not said."""
    url = env(name).rstrip("/")
    try:
        is_address = urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
    except ValueError:
        is_address = False
    if url and (not is_address or re.search(r"[\s?#@]", url)):
        PROBLEMS.append(f"{name} cannot be read; write an address such as https://docs.example.org.")
        return ""
    return url


def env_url_prefix(name: str) -> str:
    """A path such as /rag, without a slash at its end; "" for none."""
    value = env(name).strip("/")
    if value and not re.fullmatch(r"(?!\.)[\w.~-]+(/(?!\.)[\w.~-]+)*", value, re.ASCII):
        PROBLEMS.append(f"{name} is {value!r}; write a path such as /rag.")
        return ""
    return f"/{value}" if value else ""


def fingerprint(*parts: str) -> str:
    """The same in all processes of one site, and different in two sites, where the parts are."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def with_query(url: str, **values: str) -> str:
    """The URL with query values added where it does not already say otherwise."""
    address, _mark, query = url.partition("?")
    return f"{address}?{urlencode({**values, **dict(parse_qsl(query))})}"


def neighbour_database(redis_url: str) -> str:
    """The Redis database after the one that the URL names, on the same server."""
    address, _mark, query = redis_url.partition("?")
    values, path = dict(parse_qsl(query)), urlsplit(redis_url).path
    if not redis_url.startswith("unix:") and path:
        address, values = address.removesuffix(path), {"db": path.strip("/") or "0", **values}
    return f"{address}?{urlencode({**values, 'db': int(values.get('db', 0)) + 1})}"


# Where things lie
VAR_DIR = Path(env("RAGSITE_VAR", str(BASE_DIR / "var"))).expanduser().resolve()
EMBEDDED_URLS = embedded.known_urls(VAR_DIR)

# Safety
DEBUG = env_bool("DEBUG", False)
SECRET_KEY = required("SECRET_KEY", env("SECRET_KEY"), ". Run bin/dev, or set it to a long random text.")
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env_hosts("ALLOWED_HOSTS", ",".join(LOCAL_HOSTS))
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS") or [
    f"https://{'*' + host if host.startswith('.') else host}"
    for host in ALLOWED_HOSTS
    if host != "*" and host not in LOCAL_HOSTS
]
IS_LOCAL = set(ALLOWED_HOSTS) <= set(LOCAL_HOSTS)
HTTPS = env_bool(
    "HTTPS", not IS_LOCAL and "*" not in ALLOWED_HOSTS
)  # a site with a name of its own is never plain HTTP
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
# The path under which the site is reached, where a proxy gives it only a part of its address. Never from a header.
URL_PREFIX = env_url_prefix("URL_PREFIX")
FORCE_SCRIPT_NAME = URL_PREFIX or None
SECURE_REDIRECT_EXEMPT = [
    f"^{re.escape(f'{URL_PREFIX}/{name}'.strip('/'))}$" for name in ("healthz", "readyz")
]  # asked by the platform itself, over plain HTTP
HSTS_SECONDS = env_int("HSTS_SECONDS", 31_536_000, 0, 315_360_000)  # up to ten years
SECURE_HSTS_SECONDS = HSTS_SECONDS if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
# Cookies are sent to this site's part of the address alone; messages are kept in the session, which has one already.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = f"{URL_PREFIX}/"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
# Cookies do not know ports: two sites on one machine would otherwise sign each other out.
SESSION_ENGINE = "ragsite.accounts.sessions"
SESSION_COOKIE_NAME = "ragsite_session"
CSRF_COOKIE_NAME = "ragsite_csrf"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
    "EXCLUDE_URL_PREFIXES": ["/admin/django_rq/"],  # the RQ dashboard has an inline script of its own
}

# What the site is made of
INSTALLED_APPS = [
    "ragsite.accounts",
    "documents",
    "qa",
    "ragsite.operations",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "servestatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "django_rq",
]
# Every one of these can run async: a sync-only middleware would push each stream into a thread.
MIDDLEWARE = [
    # Before the static files, which are sent with these headers too; ragsite/http/answers.py adds them to what is no page.
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "ragsite.http.middleware.PrivatePagesMiddleware",
    "ragsite.logs.note_user_and_page",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "ragsite.http.middleware.TimeZoneMiddleware",
]
ROOT_URLCONF = "ragsite.urls"
ASGI_APPLICATION = "ragsite.asgi.application"
FORM_RENDERER = "ragsite.forms.FormRenderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ragsite.context.site",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Accounts
SETUP_CODE = env("SETUP_CODE")  # that the first visitor must know; bin/dev makes one at each start
if SETUP_CODE and len(re.findall(r"[^\W_]", SETUP_CODE)) < 12:
    PROBLEMS.append("SETUP_CODE is too short; write at least 12 letters and digits.")
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "accounts:login"
PASSWORD_HASHERS = [
    "ragsite.accounts.hashing.Hasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Database. Only the web process uses a pool: behind one, a session's advisory lock would outlive its owner.
DATABASE_URL = required(
    "DATABASE_URL",
    env("DATABASE_URL") or EMBEDDED_URLS.get("DATABASE_URL", ""),
    " and no embedded database was started. Run bin/dev, or set it.",
)
DIRECT_DATABASE_URL = env("DIRECT_DATABASE_URL", DATABASE_URL)
DATABASES = {"default": database("DATABASE_URL", DATABASE_URL)}
DATABASES["default"].setdefault("OPTIONS", {})
if socket_folder := DATABASES["default"]["OPTIONS"].pop(
    "host", ""
):  # ?host=/folder: dbshell only looks at HOST
    DATABASES["default"]["HOST"] = socket_folder
# Before what the URL says: of two values for one setting PostgreSQL takes the last.
HNSW_OPTIONS = "-c hnsw.iterative_scan=relaxed_order -c hnsw.ef_search=100"
URL_OPTIONS = DATABASES["default"]["OPTIONS"].get("options", "")
DATABASES["default"]["OPTIONS"]["options"] = f"{HNSW_OPTIONS} {URL_OPTIONS}".strip()
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 3)
DATABASES["default"]["TEST"] = {"NAME": env("RAGSITE_TEST_DATABASE", "test_ragsite")}
DATABASE_POOL_SIZE = env_int("DATABASE_POOL_SIZE", 10, 1, 1_000)
if env_bool("DATABASE_POOL", False):  # the Procfile's web line sets it
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": min(2, DATABASE_POOL_SIZE),
        "max_size": DATABASE_POOL_SIZE,
        "timeout": 5,
    }
    # A connection that broke while nobody used it would otherwise cost the next visitor an error, one visitor each.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # The pool's pauses double for ever, and the checks above pause alike: a database that is back is to be noticed at once.
    AttemptWithBackoff.INITIAL_DELAY, AttemptWithBackoff.DELAY_BACKOFF = 0.2, 1.0

# Redis: the queue, and (apart from it) the cache. JSON only: nothing is unpickled.
REDIS_URL = required(
    "REDIS_URL",
    env_redis("REDIS_URL", EMBEDDED_URLS.get("REDIS_URL", "")),
    " and no embedded Redis was started. Run bin/dev, or set it.",
)
# What all our keys begin with, so that several sites may share one Redis. The database's host is left out: it may be a pooler's.
DIRECT_DATABASE = database("DIRECT_DATABASE_URL", env("DIRECT_DATABASE_URL")) or DATABASES["default"]
REDIS_PREFIX = env_prefix(
    "REDIS_PREFIX", f"ragsite-{fingerprint(SECRET_KEY, str(DIRECT_DATABASE.get('NAME')))}"
)
QUEUE_URL = with_query(REDIS_URL, socket_timeout="1", socket_connect_timeout="1")
STREAM_URL = REDIS_URL
# Managed servers (rediss) often have one database only: there the key prefix keeps cache and queue apart. Where another
# server has but one, that is found out when the cache connects.
CACHE_URL = env_redis("CACHE_URL", "") or (
    REDIS_URL if REDIS_URL.startswith("rediss:") else neighbour_database(REDIS_URL)
)
CACHE_OPTIONS = {} if env("CACHE_URL") else {"redis_connect_func": connect_beside_the_queue}
CACHES = {
    "default": {
        "BACKEND": "ragsite.cache.PrefixedCache",
        "LOCATION": with_query(CACHE_URL, socket_timeout="1", socket_connect_timeout="1"),
        "KEY_PREFIX": f"{REDIS_PREFIX}:cache",
        "TIMEOUT": 24 * 3600,
        "OPTIONS": {"serializer": "ragsite.cache.JSONSerializer", **CACHE_OPTIONS},
    }
}
JOB_TIMEOUT = env_int("JOB_TIMEOUT", 3600, 1, 604_800)
QUEUE_POOL = renaming_pool(QUEUE_URL, REDIS_PREFIX) if REDIS_URL else None
# As workers look at them: until its pictures are read a scan cannot be found, a summary can be waited for.
RQ_QUEUES = {
    name: {
        # The pool knows the address and the prefix: django-rq takes an address or a client's options, not both.
        "HOST": "",
        "PORT": 0,
        "REDIS_CLIENT_KWARGS": {"connection_pool": QUEUE_POOL},
        "DEFAULT_TIMEOUT": JOB_TIMEOUT,
        "SERIALIZER": "rq.serializers.JSONSerializer",
    }
    for name in ("documents", "fetch", "ocr", "summaries")
}
RQ = {
    "COMMIT_MODE": "auto",  # we enqueue after the commit ourselves, see documents/work/queue.py
    "DEFAULT_RESULT_TTL": 86_400,
    "FAILURE_TTL": 30 * 86_400,
    "QUEUE_CLASS": "documents.work.worker.Queue",
    "WORKER_CLASS": "documents.work.worker.Worker",
    "JOB_CLASS": "documents.work.worker.Job",
    "SHOW_ADMIN_LINK": True,
}
MAX_TRIES = env_int("MAX_TRIES", 25, 1, 1_000)
KEEP_ATTEMPTS_DAYS = env_int("KEEP_ATTEMPTS_DAYS", 90, 1, 36_500)

# Files
MEDIA_ROOT = VAR_DIR / "files"
STATIC_ROOT = Path(env("STATIC_ROOT", str(VAR_DIR / "static")))
STATIC_URL = f"{URL_PREFIX}/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": env("FILE_STORAGE", "django.core.files.storage.FileSystemStorage")},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "servestatic.storage.CompressedManifestStaticFilesStorage"
    },
}
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
MAX_UPLOAD_MB = env_int("MAX_UPLOAD_MB", 100, 1, 100_000)
MAX_UPLOADS_AT_ONCE = env_int("MAX_UPLOADS_AT_ONCE", 32, 1, 10_000)  # in one web process, all people together
# What one person may keep, in all collections; 0 is no limit. Commands of the operator are not held to it.
MAX_DOCUMENTS_PER_PERSON = env_int("MAX_DOCUMENTS_PER_PERSON", 5_000, 0, 1_000_000_000)
MAX_MB_PER_PERSON = env_int("MAX_MB_PER_PERSON", 10_000, 0, 1_000_000_000)
# Text in pictures of pages; without languages: English and German, as far as tesseract has their data.
OCR = env_bool("OCR", True)
OCR_LANGUAGES = env("OCR_LANGUAGES", "")
OCR_MAX_PAGES = env_int("OCR_MAX_PAGES", 200, 0, 1_000_000)
OCR_PAGE_SECONDS = env_int("OCR_PAGE_SECONDS", 60, 1, 3_600)
# Ending or media type to the function that reads such files, beside those in documents/extraction/registry.py
# and before them: docs/loaders.md.
DOCUMENT_LOADERS = env_pairs("DOCUMENT_LOADERS")
DATA_UPLOAD_MAX_NUMBER_FILES = 1000  # in one form; the tray sends them one by one
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024  # a pasted text
# Networks of one's own from which web pages may be fetched; without it only addresses on the open internet.
WEB_PAGES_ALLOW = env_networks("WEB_PAGES_ALLOW")
SERVESTATIC_MAX_AGE = 60
SERVESTATIC_USE_FINDERS = DEBUG
SERVESTATIC_AUTOREFRESH = DEBUG

# Language models. No key and no base URL: embeddings are made on this machine, answers are quotes.
OPENAI_API_KEY = env("OPENAI_API_KEY")
OPENAI_BASE_URL = env("OPENAI_BASE_URL")
OPENAI_EXTRA_HEADERS = env_headers("OPENAI_EXTRA_HEADERS")  # may hold a key: never logged or shown
CHAT_MODEL = env("CHAT_MODEL", "gpt-4.1-mini")
# Embeddings at a server of their own, with a key and headers for it; without an address it is the one above.
EMBEDDING_BASE_URL = env("EMBEDDING_BASE_URL")
EMBEDDING_API_KEY = env("EMBEDDING_API_KEY")
EMBEDDING_EXTRA_HEADERS = env_headers("EMBEDDING_EXTRA_HEADERS")
EMBEDDING_MODEL = env("EMBEDDING_MODEL")
EMBEDDING_DIMENSIONS = env_int("EMBEDDING_DIMENSIONS", 0, 0, 16_000) or None
EMBEDDING_MAX_TOKENS = (
    env_int("EMBEDDING_MAX_TOKENS", 0, 0, 10_000_000) or None
)  # what the model can read, where ragsite does not know it or the server reads less
EMBEDDING_QUERY_PREFIX = env_words("EMBEDDING_QUERY_PREFIX")
EMBEDDING_PASSAGE_PREFIX = env_words("EMBEDDING_PASSAGE_PREFIX")
EMBEDDING_BATCH_TOKENS = env_int("EMBEDDING_BATCH_TOKENS", 100_000, 1, 100_000_000)
EMBEDDING_BATCH_TEXTS = env_int(
    "EMBEDDING_BATCH_TEXTS", 32 if EMBEDDING_BASE_URL or OPENAI_BASE_URL else 2048, 1, 100_000
)
EMBEDDING_CONCURRENCY = env_int("EMBEDDING_CONCURRENCY", 4, 1, 64)
CHAT_CONTEXT_TOKENS = env_int("CHAT_CONTEXT_TOKENS", 3_500 if OPENAI_BASE_URL else 8_192, 256, 100_000_000)
CHAT_TEMPERATURE = env_number("CHAT_TEMPERATURE", None, 0, 2)
CHAT_MAX_OUTPUT_TOKENS = env_int("CHAT_MAX_OUTPUT_TOKENS", 0, 0, 10_000_000) or None
CHAT_THINKING_MARKS = env_marks("CHAT_THINKING_MARKS")
LLM_CONNECT_TIMEOUT = env_number("LLM_CONNECT_TIMEOUT", 3, 0, 3_600, above_least=True)
LLM_FIRST_TOKEN_TIMEOUT = env_number(
    "LLM_FIRST_TOKEN_TIMEOUT", 300 if OPENAI_BASE_URL else 60, 0, 86_400, above_least=True
)
LLM_SILENCE_TIMEOUT = env_number("LLM_SILENCE_TIMEOUT", 600, 0, 86_400, above_least=True)
LLM_BETWEEN_TOKENS_TIMEOUT = env_number("LLM_BETWEEN_TOKENS_TIMEOUT", 20, 0, 86_400, above_least=True)
# US dollars per million tokens, as published by the provider on that date. A model that is not listed shows tokens only.
MODEL_PRICES_DATE = "2025-06"
MODEL_PRICES = {
    "text-embedding-3-small": {"input": "0.02", "output": "0"},
    "text-embedding-3-large": {"input": "0.13", "output": "0"},
    "text-embedding-ada-002": {"input": "0.10", "output": "0"},
    "gpt-4": {"input": "30", "output": "60"},
    "gpt-4-turbo": {"input": "10", "output": "30"},
    "gpt-4o": {"input": "2.50", "output": "10"},
    "gpt-4o-mini": {"input": "0.15", "output": "0.60"},
    "gpt-4.1": {"input": "2", "output": "8"},
    "gpt-4.1-mini": {"input": "0.40", "output": "1.60"},
    "gpt-4.1-nano": {"input": "0.10", "output": "0.40"},
}

# Answers
TEXT_SEARCH_CONFIG = env(
    "TEXT_SEARCH_CONFIG", "english"
)  # PostgreSQL's dictionary for keyword search, of a new index
EXACT_SEARCH_LIMIT = env_int(
    "EXACT_SEARCH_LIMIT", 5_000, 0, 100_000_000
)  # up to so many passages are compared one by one
DENSE_WEIGHT = env_number("DENSE_WEIGHT", 0.5, 0, 1)  # share of meaning against keywords
SOURCE_TOKENS = env_int(
    "SOURCE_TOKENS", 2_000, 1, 100_000_000
)  # how much of the documents a question may show the model

# Mail
EMAIL_HOST = env("EMAIL_HOST")
EMAIL_PORT = env_int("EMAIL_PORT", 587, 1, 65_535)
EMAIL_HOST_USER = env("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", "ragsite@localhost")
SITE_URL = env_site_url("SITE_URL").removesuffix(URL_PREFIX)  # for links in mails

# Language and time. Times are shown in the reader's own zone (a cookie that the page sets).
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# Logs: one stream, stdout. Never document text, question text, titles, file names or keys: see ragsite/logs.py.
LOG_LEVEL = env_choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
LOG_FORMAT = env_choice("LOG_FORMAT", "text", ["text", "json"])
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"text": {"()": "ragsite.logs.OneLine"}, "json": {"()": "ragsite.logs.OneObject"}},
    "handlers": {
        "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": LOG_FORMAT}
    },
    # At DEBUG libraries write whole queries and requests: that level is for our own lines.
    "root": {"handlers": ["stdout"], "level": "INFO" if LOG_LEVEL == "DEBUG" else LOG_LEVEL},
    "loggers": {
        **{name: {"level": LOG_LEVEL} for name in ("ragsite", "documents", "qa")},
        # Named here so that handlers of their own are taken off them; every record goes to stdout once.
        "django": {"level": "WARNING"},
        "django.server": {"level": "WARNING", "propagate": True},
        "django.request": {"level": "ERROR"},  # what is refused or not found has its own line
        "uvicorn": {"level": LOG_LEVEL, "propagate": True},
        "uvicorn.error": {"level": LOG_LEVEL},
        "uvicorn.access": {"level": "CRITICAL", "propagate": False},  # it would write queries
        "httpx2": {"level": "WARNING"},
        "psycopg.pool": {"level": "ERROR"},  # while the database is away it would say so five times a second
        "pypdf": {"level": "ERROR"},
        "rq": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
    },
}

# Who else may read /metrics, beside operators: whoever brings this token. Empty: nobody.
METRICS_TOKEN = env("METRICS_TOKEN")

VERSION = __version__

if PROBLEMS:
    raise ImproperlyConfigured("\n".join([*filter(None, [ENV_FILE_PROBLEM]), *PROBLEMS]))
