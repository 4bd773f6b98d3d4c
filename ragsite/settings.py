"""Every setting of the site, block by block.

`.env.example` lists the variables. `ragsite/configuration/` reads them and builds the settings that take more than a line.
"""

import re
from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from ragsite import __version__, embedded
from ragsite.configuration.database import database_settings
from ragsite.configuration.environment import (
    env,
    env_bool,
    env_choice,
    env_headers,
    env_hosts,
    env_int,
    env_key_prefix,
    env_list,
    env_mapping,
    env_networks,
    env_number,
    env_raw,
    env_redis_url,
    env_setup_code,
    env_site_url,
    env_tag_pairs,
    env_url_prefix,
    fingerprint,
    next_redis_database,
    parse_database_url,
    raise_problems,
    read_env_file,
    required,
)
from ragsite.configuration.logging import logging_settings
from ragsite.configuration.redis import cache_settings, fail_fast, queue_settings

VERSION = __version__

# Paths and the .env file
BASE_DIR = Path(__file__).resolve().parent.parent
# The doctor reports it. A site whose variables are all in the environment needs no file.
ENV_FILE_PROBLEM = read_env_file(BASE_DIR / ".env")
VAR_DIR = Path(env("RAGSITE_VAR", str(BASE_DIR / "var"))).expanduser().resolve()
EMBEDDED_URLS = embedded.known_urls(VAR_DIR)

# Security
DEBUG = env_bool("DEBUG", False)
SECRET_KEY = required("SECRET_KEY", env("SECRET_KEY"), ". Run bin/dev, or set it to a long random string.")
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env_hosts("ALLOWED_HOSTS", ",".join(LOCAL_HOSTS))
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS") or [
    f"https://{'*' + host if host.startswith('.') else host}"
    for host in ALLOWED_HOSTS
    if host != "*" and host not in LOCAL_HOSTS
]
IS_LOCAL = set(ALLOWED_HOSTS) <= set(LOCAL_HOSTS)
# A site with a public host name never uses plain HTTP.
HTTPS = env_bool("HTTPS", not IS_LOCAL and "*" not in ALLOWED_HOSTS)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
# The path under which a proxy serves the site. It is never read from a header, which visitors could forge.
URL_PREFIX = env_url_prefix("URL_PREFIX")
FORCE_SCRIPT_NAME = URL_PREFIX or None
# Platforms send health checks over plain HTTP.
SECURE_REDIRECT_EXEMPT = [
    f"^{re.escape(f'{URL_PREFIX}/{name}'.strip('/'))}$" for name in ("healthz", "readyz")
]
HSTS_SECONDS = env_int("HSTS_SECONDS", 31_536_000, 0, 315_360_000)  # at most ten years
SECURE_HSTS_SECONDS = HSTS_SECONDS if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
# Browsers send the cookies to the site's own path only. Messages live in the session and need no cookie.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = f"{URL_PREFIX}/"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
# Cookies ignore ports: with Django's default names, two sites on one machine would sign each other out.
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
    "EXCLUDE_URL_PREFIXES": ["/admin/django_rq/"],  # the RQ dashboard uses an inline script
}

# Applications, middleware and templates
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
# All of these can run async: a sync-only middleware would occupy a thread for each open stream.
MIDDLEWARE = [
    # Before ServeStatic, so that static files get these headers; ragsite/http/responses.py adds them to other responses.
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "ragsite.http.middleware.PrivatePagesMiddleware",
    "ragsite.http.access_log.record_user_and_view",
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
# Required to create the first account; bin/dev generates one at each start.
SETUP_CODE = env_setup_code("SETUP_CODE")
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

# Database. Only the web process uses a pool: a pooled session would keep an advisory lock after its owner ends.
DATABASE_URL = required(
    "DATABASE_URL",
    env("DATABASE_URL") or EMBEDDED_URLS.get("DATABASE_URL", ""),
    " and no embedded database is running. Run bin/dev, or set it.",
)
DIRECT_DATABASE_URL = env("DIRECT_DATABASE_URL", DATABASE_URL)
DATABASE = parse_database_url("DATABASE_URL", DATABASE_URL)
DATABASE_POOL_SIZE = env_int("DATABASE_POOL_SIZE", 10, 1, 1_000)
HAS_DATABASE_POOL = env_bool("DATABASE_POOL", False)  # set by the web line of the Procfile
DATABASES = {
    "default": database_settings(
        DATABASE,
        test_name=env("RAGSITE_TEST_DATABASE", "test_ragsite"),
        pool_size=DATABASE_POOL_SIZE if HAS_DATABASE_POOL else 0,
    )
}

# Redis: the queue and the cache, in separate databases.
REDIS_URL = required(
    "REDIS_URL",
    env_redis_url("REDIS_URL", EMBEDDED_URLS.get("REDIS_URL", "")),
    " and no embedded Redis is running. Run bin/dev, or set it.",
)
# Prefix of all keys, so that several sites may share one Redis. It ignores the database's host, which may be a pooler.
DIRECT_DATABASE = parse_database_url("DIRECT_DATABASE_URL", env("DIRECT_DATABASE_URL")) or DATABASE
REDIS_PREFIX = env_key_prefix(
    "REDIS_PREFIX", f"ragsite-{fingerprint(SECRET_KEY, str(DIRECT_DATABASE.get('NAME')))}"
)
QUEUE_URL = fail_fast(REDIS_URL)
STREAM_URL = REDIS_URL
# Managed servers (rediss) often have a single database: there the key prefix separates cache and queue. For other servers
# with a single database, connect_beside_the_queue falls back to the queue's when the cache connects.
CACHE_URL = env_redis_url("CACHE_URL", "") or (
    REDIS_URL if REDIS_URL.startswith("rediss:") else next_redis_database(REDIS_URL)
)
CACHES = {"default": cache_settings(CACHE_URL, REDIS_PREFIX, may_share_database=not env("CACHE_URL"))}
JOB_TIMEOUT = env_int("JOB_TIMEOUT", 3600, 1, 604_800)
RQ_QUEUES = queue_settings(QUEUE_URL if REDIS_URL else "", REDIS_PREFIX, job_timeout=JOB_TIMEOUT)
RQ = {
    "COMMIT_MODE": "auto",  # documents/work/queue.py enqueues after the commit
    "DEFAULT_RESULT_TTL": 86_400,
    "FAILURE_TTL": 30 * 86_400,
    "QUEUE_CLASS": "documents.work.worker.Queue",
    "WORKER_CLASS": "documents.work.worker.Worker",
    "JOB_CLASS": "documents.work.job.Job",
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
MAX_UPLOADS_AT_ONCE = env_int("MAX_UPLOADS_AT_ONCE", 32, 1, 10_000)  # per web process, all users together
# Storage quota per person, over all collections; 0 means no limit. Management commands ignore it.
MAX_DOCUMENTS_PER_PERSON = env_int("MAX_DOCUMENTS_PER_PERSON", 5_000, 0, 1_000_000_000)
MAX_MB_PER_PERSON = env_int("MAX_MB_PER_PERSON", 10_000, 0, 1_000_000_000)
# OCR of scanned pages. Default languages: English and German, if tesseract has their data.
OCR = env_bool("OCR", True)
OCR_LANGUAGES = env("OCR_LANGUAGES", "")
OCR_MAX_PAGES = env_int("OCR_MAX_PAGES", 200, 0, 1_000_000)
OCR_PAGE_SECONDS = env_int("OCR_PAGE_SECONDS", 60, 1, 3_600)
# File name suffixes and media types with their loaders, which precede those of documents/extraction/registry.py:
# docs/loaders.md.
DOCUMENT_LOADERS = env_mapping("DOCUMENT_LOADERS")
DATA_UPLOAD_MAX_NUMBER_FILES = 1000  # per form; the upload tray sends one file per request
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024  # a pasted text
# Private networks from which web pages may be fetched, besides the public internet.
WEB_PAGES_ALLOW = env_networks("WEB_PAGES_ALLOW")
SERVESTATIC_MAX_AGE = 60
SERVESTATIC_USE_FINDERS = DEBUG
SERVESTATIC_AUTOREFRESH = DEBUG

# Language models. Without a key and a base URL, embeddings are computed locally and answers are quotes.
OPENAI_API_KEY = env("OPENAI_API_KEY")
OPENAI_BASE_URL = env("OPENAI_BASE_URL")
OPENAI_EXTRA_HEADERS = env_headers("OPENAI_EXTRA_HEADERS")  # may contain a key: never logged or shown
CHAT_MODEL = env("CHAT_MODEL", "gpt-4.1-mini")
# A separate server for embeddings, with its own key and headers. Default: the server above.
EMBEDDING_BASE_URL = env("EMBEDDING_BASE_URL")
EMBEDDING_API_KEY = env("EMBEDDING_API_KEY")
EMBEDDING_EXTRA_HEADERS = env_headers("EMBEDDING_EXTRA_HEADERS")
EMBEDDING_MODEL = env("EMBEDDING_MODEL")
EMBEDDING_DIMENSIONS = env_int("EMBEDDING_DIMENSIONS", 0, 0, 16_000) or None
# Overrides the known input limit of the model.
EMBEDDING_MAX_TOKENS = env_int("EMBEDDING_MAX_TOKENS", 0, 0, 10_000_000) or None
EMBEDDING_QUERY_PREFIX = env_raw("EMBEDDING_QUERY_PREFIX")
EMBEDDING_PASSAGE_PREFIX = env_raw("EMBEDDING_PASSAGE_PREFIX")
EMBEDDING_BATCH_TOKENS = env_int("EMBEDDING_BATCH_TOKENS", 100_000, 1, 100_000_000)
EMBEDDING_BATCH_TEXTS = env_int(
    "EMBEDDING_BATCH_TEXTS", 32 if EMBEDDING_BASE_URL or OPENAI_BASE_URL else 2048, 1, 100_000
)
EMBEDDING_CONCURRENCY = env_int("EMBEDDING_CONCURRENCY", 4, 1, 64)
CHAT_CONTEXT_TOKENS = env_int("CHAT_CONTEXT_TOKENS", 3_500 if OPENAI_BASE_URL else 8_192, 256, 100_000_000)
CHAT_TEMPERATURE = env_number("CHAT_TEMPERATURE", None, 0, 2)
CHAT_MAX_OUTPUT_TOKENS = env_int("CHAT_MAX_OUTPUT_TOKENS", 0, 0, 10_000_000) or None
CHAT_THINKING_MARKS = env_tag_pairs("CHAT_THINKING_MARKS")
LLM_CONNECT_TIMEOUT = env_number("LLM_CONNECT_TIMEOUT", 3, 0, 3_600, is_above_minimum=True)
LLM_FIRST_TOKEN_TIMEOUT = env_number(
    "LLM_FIRST_TOKEN_TIMEOUT", 300 if OPENAI_BASE_URL else 60, 0, 86_400, is_above_minimum=True
)
LLM_SILENCE_TIMEOUT = env_number("LLM_SILENCE_TIMEOUT", 600, 0, 86_400, is_above_minimum=True)
LLM_BETWEEN_TOKENS_TIMEOUT = env_number("LLM_BETWEEN_TOKENS_TIMEOUT", 20, 0, 86_400, is_above_minimum=True)
# US dollars per million tokens, as published by the provider on that date. Other models show tokens without a price.
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
# PostgreSQL's text search configuration for the keywords of a new index.
TEXT_SEARCH_CONFIG = env("TEXT_SEARCH_CONFIG", "english")
# Up to this many chunks are compared exactly; above it the vector index is used.
EXACT_SEARCH_LIMIT = env_int("EXACT_SEARCH_LIMIT", 5_000, 0, 100_000_000)
DENSE_WEIGHT = env_number("DENSE_WEIGHT", 0.5, 0, 1)  # weight of vector search against keyword search
# Token budget for retrieved chunks in a prompt.
SOURCE_TOKENS = env_int("SOURCE_TOKENS", 2_000, 1, 100_000_000)
# A second call of the chat model judges whether the passages support each sentence of its answer.
ANSWER_JUDGE = env_bool("ANSWER_JUDGE", False)
# Where the first search finds nothing good, the chat model names other questions to search for.
SECOND_SEARCH = env_bool("SECOND_SEARCH", False)

# Email
EMAIL_HOST = env("EMAIL_HOST")
EMAIL_PORT = env_int("EMAIL_PORT", 587, 1, 65_535)
EMAIL_HOST_USER = env("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", "ragsite@localhost")
SITE_URL = env_site_url("SITE_URL").removesuffix(URL_PREFIX)  # for links in emails

# Language and time. Pages show times in the visitor's time zone, which a script stores in a cookie.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# Logs go to stdout and never contain text of documents or questions, titles, file names or keys: ragsite/logs.py.
LOG_LEVEL = env_choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
LOG_FORMAT = env_choice("LOG_FORMAT", "text", ["text", "json"])
LOGGING = logging_settings(LOG_LEVEL, LOG_FORMAT)

# Clients that send this token may read /metrics, as operators may. Empty: operators only.
METRICS_TOKEN = env("METRICS_TOKEN")

raise_problems(ENV_FILE_PROBLEM)
