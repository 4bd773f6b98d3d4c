"""Every setting of the site, block by block; `ragsite/configuration/` holds the long blocks.

`.env.example` lists the variables. `ragsite/configuration/environment.py` reads them.
"""

from pathlib import Path

from django.utils.translation import gettext_lazy as _

from ragsite import __version__
from ragsite.configuration.environment import (
    env,
    env_bool,
    env_int,
    env_mapping,
    env_networks,
    env_number,
    env_setup_code,
    env_site_url,
    raise_problems,
)

VERSION = __version__

# Paths and the .env file, before everything that reads a variable
from ragsite.configuration.paths import *

# Security: hosts, HTTPS, cookies, content security policy
from ragsite.configuration.security import *

# Applications, middleware and templates
INSTALLED_APPS = [
    "ragsite.accounts",
    "ragsite.llm",
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
# The web process runs them in one thread with the view. Static files come before them: ragsite/http/handler.py.
MIDDLEWARE = [
    # ragsite/http/responses.py adds the headers of the first three to responses that pass no middleware.
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
FORM_RENDERER = "ragsite.pages.forms.FormRenderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["ragsite.pages.tags"],
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

# Database
from ragsite.configuration.database import *

# Redis: the queues and the cache
from ragsite.configuration.redis import *

# Background work
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

# Language models: providers, embeddings, limits, prices
from ragsite.configuration.language_models import *

# Answers
# PostgreSQL's text search configuration for the keywords of a new index.
TEXT_SEARCH_CONFIG = env("TEXT_SEARCH_CONFIG", "english")
# Up to this many chunks are compared exactly; above it the vector index is used.
EXACT_SEARCH_LIMIT = env_int("EXACT_SEARCH_LIMIT", 5_000, 0, 100_000_000)
# At most this much memory of the database for building a vector index; 1 MB holds about 550 vectors of 384 dimensions.
INDEX_BUILD_MEMORY_MB = env_int("INDEX_BUILD_MEMORY_MB", 1_024, 1, 1_000_000)
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

# Logs
from ragsite.configuration.logging import *

# Clients that send this token may read /metrics, as operators may. Empty: operators only.
METRICS_TOKEN = env("METRICS_TOKEN")

raise_problems(ENV_FILE_PROBLEM)
