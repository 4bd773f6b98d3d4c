"""Readers of environment variables. The only module that reads the environment; `ragsite/settings.py` calls it.

Each reader checks its value against bounds or a pattern. An invalid value adds a sentence to `PROBLEMS` and the reader
returns a default, so that the settings can report all mistakes at once. No sentence quotes a value that may hold a
password.
"""

import hashlib
import ipaddress
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv
from redis.connection import parse_url as parse_redis_url

PROBLEMS: list[str] = []

# The local models compute in threads of their own: BLAS with threads beside them only makes both wait for one another.
# OpenBLAS looks once, when numpy is imported, which the settings do not do.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # a token of RFC 9110
HOST = r"\*|\.?[\w-]+(\.[\w-]+)*\.?|\[[0-9a-fA-F:.]+\]"
PATH_SEGMENT = r"(?!\.)[\w.~-]+"
MIN_SETUP_CODE_LENGTH = 12


def read_env_file(path: Path) -> str:
    """Load the variables that the environment does not set; return a sentence if the file cannot be read."""
    try:
        load_dotenv(path)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", "") or "not valid UTF-8"
        return f"{path} cannot be read ({reason}). Only environment variables are used."
    return ""


def raise_problems(*context: str) -> None:
    """Raise ImproperlyConfigured with all problems, one a line, after the sentences of context that are not empty."""
    if PROBLEMS:
        raise ImproperlyConfigured("\n".join([*filter(None, context), *PROBLEMS]))


def env(name: str, default: str = "") -> str:
    """The stripped value, or the default if the variable is unset or blank."""
    return os.environ.get(name, "").strip() or default


def required(name: str, value: str, remedy: str) -> str:
    """Return the value; report an empty one, unless the variable already has a problem."""
    if not value and not any(problem.startswith(f"{name} ") for problem in PROBLEMS):
        PROBLEMS.append(f"{name} is not set{remedy}")
    return value


# --- numbers and choices


def env_bool(name: str, default: bool) -> bool:
    """True or False, spelled as in Python."""
    value = env(name, str(default))
    if value not in ("True", "False"):
        PROBLEMS.append(f"{name} is {value!r}; it must be True or False.")
    return value == "True"


def env_int(name: str, default: int, minimum: int, maximum: int) -> int:
    """A whole number within the bounds, both included."""
    value = env(name, str(default))
    is_whole = value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20
    if not is_whole or not minimum <= int(value) <= maximum:
        PROBLEMS.append(f"{name} is {value!r}; it must be a whole number from {minimum} to {maximum}.")
        return default
    return int(value)


def env_number(
    name: str, default: float | None, minimum: float, maximum: float, *, is_above_minimum: bool = False
) -> float | None:
    """A number within the bounds, both included; `is_above_minimum` excludes the lower one."""
    if not (value := env(name)):
        return default
    try:
        number = float(value)
    except ValueError:
        PROBLEMS.append(f"{name} is {value!r}; it must be a number.")
        return default
    # NaN fails every comparison and so lies outside any bounds.
    if not minimum <= number <= maximum or (is_above_minimum and number == minimum):
        bounds = (
            f"above {minimum:g} and at most {maximum:g}"
            if is_above_minimum
            else f"from {minimum:g} to {maximum:g}"
        )
        PROBLEMS.append(f"{name} is {value!r}; it must be a number {bounds}.")
        return default
    return number


def env_choice(name: str, default: str, choices: list[str]) -> str:
    """One of the choices, in any case; returned as it is spelled there."""
    value = env(name, default)
    found = next((choice for choice in choices if choice.lower() == value.lower()), None)
    if found is None:
        PROBLEMS.append(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")
    return found or default


# --- texts and lists


def env_raw(name: str) -> str | None:
    r"""The value with its spaces, `\n` as a line break. "none" gives an empty text, an unset or blank variable None."""
    value = os.environ.get(name, "").replace("\\n", "\n")
    if value.strip().lower() == "none":
        return ""
    return value if value.strip() else None


def env_list(name: str, default: str = "") -> list[str]:
    """The parts between commas, stripped, without empty ones."""
    return [part.strip() for part in env(name, default).split(",") if part.strip()]


def env_mapping(name: str) -> dict[str, str]:
    """Pairs such as .vtt=package.module.function; keys are lower case."""
    pairs = {}
    for part in env_list(name):
        key, separator, value = part.partition("=")
        if separator and key.strip() and value.strip():
            pairs[key.strip().lower()] = value.strip()
        else:
            PROBLEMS.append(f"{name} contains {part!r}; use pairs such as .vtt=package.module.function.")
    return pairs


def env_headers(name: str) -> dict[str, str]:
    """HTTP headers as pairs such as X-Title=ragsite. Values may be secret and are never quoted."""
    headers = {}
    for part in env_list(name):
        key, _separator, value = part.partition("=")
        if re.fullmatch(HEADER_NAME, key.strip()) and re.fullmatch(r"[ -~]+", value):
            headers[key.strip()] = value.strip()
        else:
            PROBLEMS.append(f"{name} contains an invalid header; use pairs such as X-Title=ragsite.")
    return headers


def env_tag_pairs(name: str) -> list[tuple[str, str]]:
    """Opening and closing tags such as <plan>...</plan>, each of three characters or more."""
    tags = []
    for part in env_list(name):
        opening, dots, closing = (piece.strip() for piece in part.partition("..."))
        if dots and min(len(opening), len(closing)) >= 3:
            tags.append((opening, closing))
        else:
            PROBLEMS.append(f"{name} contains {part!r}; use pairs of tags such as <plan>...</plan>.")
    return tags


def env_setup_code(name: str) -> str:
    """A code that cannot be guessed; empty if unset."""
    code = env(name)
    if code and len(re.findall(r"[^\W_]", code)) < MIN_SETUP_CODE_LENGTH:
        PROBLEMS.append(f"{name} is too short; use at least {MIN_SETUP_CODE_LENGTH} letters and digits.")
    return code


# --- addresses


def env_networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """IP networks in CIDR notation."""
    try:
        return [ipaddress.ip_network(part) for part in env_list(name)]
    except ValueError as error:
        PROBLEMS.append(f"{name}: {error}; use networks such as 10.0.0.0/8.")
        return []


def env_hosts(name: str, default: str) -> list[str]:
    """Host names as in a Host header. A name with scheme, port or path would never match a request."""
    hosts = env_list(name, default)
    for host in hosts:
        if not re.fullmatch(HOST, host):
            PROBLEMS.append(f"{name} contains {host!r}; use host names such as docs.example.org.")
    return hosts


def env_site_url(name: str) -> str:
    """The address of the site without a trailing slash; empty if unset or invalid."""
    url = env(name).rstrip("/")
    try:
        is_http = urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
    except ValueError:
        is_http = False
    if url and (not is_http or re.search(r"[\s?#@]", url)):
        PROBLEMS.append(f"{name} is not a valid address; use one such as https://docs.example.org.")
        return ""
    return url


def env_url_prefix(name: str) -> str:
    """A path such as /rag without a trailing slash; empty if unset or invalid."""
    value = env(name).strip("/")
    if value and not re.fullmatch(f"{PATH_SEGMENT}(/{PATH_SEGMENT})*", value, re.ASCII):
        PROBLEMS.append(f"{name} is {value!r}; use a path such as /rag.")
        return ""
    return f"/{value}" if value else ""


def parse_database_url(name: str, url: str) -> dict[str, Any]:
    """Django's database settings for a PostgreSQL URL; empty, and a problem, for any other URL."""
    values: dict[str, Any] = {}
    with suppress(ValueError):
        values = {**dj_database_url.parse(url)} if url else {}
    if url and values.get("ENGINE") != "django.db.backends.postgresql":
        PROBLEMS.append(f"{name} is not a valid URL; use postgres://user:password@host:5432/name.")
    return values


def env_redis_url(name: str, default: str) -> str:
    """A Redis URL; empty, and a problem, if it is invalid."""
    url = env(name, default)
    try:
        number = parse_redis_url(url).get("db", 0) if url else 0
        is_redis = urlsplit(url).scheme == "unix" or urlsplit(url).path.strip("/") in ("", str(number))
    except ValueError:
        is_redis = False
    if not is_redis:
        PROBLEMS.append(f"{name} is not a valid URL; use redis://:password@host:6379/0.")
    return url if is_redis else ""


def env_key_prefix(name: str, default: str) -> str:
    """A prefix for keys in Redis."""
    value = env(name, default)
    if not re.fullmatch(r"[\w.-]+", value, re.ASCII):
        PROBLEMS.append(f"{name} is {value!r}; use letters, digits, dots and dashes.")
        return default
    return value


# --- derived values


def fingerprint(*parts: str) -> str:
    """A short hash: equal in all processes of a site, different between sites whose parts differ."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def with_query(url: str, **defaults: str) -> str:
    """The URL with these query parameters added; those that it already has are kept."""
    address, _mark, query = url.partition("?")
    return f"{address}?{urlencode({**defaults, **dict(parse_qsl(query))})}"


def next_redis_database(redis_url: str) -> str:
    """The URL of the following database on the same Redis server."""
    address, _mark, query = redis_url.partition("?")
    values, path = dict(parse_qsl(query)), urlsplit(redis_url).path
    if not redis_url.startswith("unix:") and path:
        address, values = address.removesuffix(path), {"db": path.strip("/") or "0", **values}
    return f"{address}?{urlencode({**values, 'db': int(values.get('db', 0)) + 1})}"
