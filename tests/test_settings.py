"""Invalid variables are reported."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = [ROOT / "ragsite" / "settings.py", *(ROOT / "ragsite" / "configuration").glob("*.py")]
NUMBERS = re.findall(r'env_(?:int|number)\(\s*"(\w+)"', "".join(file.read_text() for file in FILES))
COMPLETE = {
    "SECRET_KEY": "x",
    "DATABASE_URL": "postgres://ada:engine@db.example/ragsite",
    "REDIS_URL": "redis://cache.example/0",
}


# Settings are read once a process: for each line of variables, a fork of one that has imported what they import.
READER = """
import json, os, sys
import csp.constants, dj_database_url, dotenv, psycopg_pool, redis
from django.core.exceptions import ImproperlyConfigured

def read(variables):
    os.environ.clear()
    os.environ.update(variables)
    dotenv.load_dotenv = lambda path: False  # whatever .env this checkout has
    try:
        import ragsite.settings
    except ImproperlyConfigured as error:
        return str(error).strip().splitlines()
    except BaseException as error:
        return [repr(error)]
    return ["fine"]

for line in sys.stdin:
    if not os.fork():
        print(json.dumps(read(json.loads(line))), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def read():
    """Return a function that reads the settings with these variables alone: it returns the problems, or `fine`."""
    words = [sys.executable, "-c", READER]
    with subprocess.Popen(words, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as process:

        def read(**variables):
            environment = {"PATH": os.environ["PATH"], "RAGSITE_VAR": "/nowhere", **variables}
            print(json.dumps(environment), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield read
        process.stdin.close()


def named(problems):
    return [problem.split()[0] for problem in problems]


@pytest.mark.parametrize("value", ["-5", "1e300", "nan", "many", "²", "9" * 5000])
def test_every_number_has_bounds_and_all_mistakes_are_reported_at_once(read, value):
    problems = read(**COMPLETE, **dict.fromkeys(NUMBERS, value))
    assert sorted(named(problems)) == sorted(NUMBERS)
    assert all("; it must be a " in problem for problem in problems)


def test_a_number_at_either_bound_is_accepted(read):
    bounds = {"EMBEDDING_CONCURRENCY": "1", "HSTS_SECONDS": "0", "DENSE_WEIGHT": "1", "CHAT_TEMPERATURE": "0"}
    assert read(**COMPLETE, **bounds) == ["fine"]


@pytest.mark.parametrize(
    "name", ["LLM_CONNECT_TIMEOUT", "EMBEDDING_CONCURRENCY", "JOB_TIMEOUT", "EMAIL_PORT"]
)
def test_nothing_waits_or_works_for_zero(read, name):
    assert named(read(**COMPLETE, **{name: "0"})) == [name]


def test_a_pool_of_one_connection_is_a_pool(read):
    assert read(**COMPLETE, DATABASE_POOL="True", DATABASE_POOL_SIZE="1") == ["fine"]


def test_missing_variables_are_reported_with_the_rest(read):
    assert named(read(LOG_LEVEL="LOUD")) == ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "LOG_LEVEL"]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "mysql://ada:engine@db.example/ragsite"),
        ("DATABASE_URL", "postgres://ada:engine@db.example:port/ragsite"),
        ("DATABASE_URL", "postgres://ada:engine@[db.example/ragsite"),
        ("REDIS_URL", "redis://:engine@cache.example:port/0"),
        ("REDIS_URL", "redis://:engine@cache.example/first"),
        ("REDIS_URL", "http://:engine@cache.example/0"),
        ("CACHE_URL", "redis://:engine@[cache.example/0"),
    ],
)
def test_an_invalid_address_is_reported_without_its_password(read, name, url):
    problems = read(**{**COMPLETE, name: url})
    assert named(problems) == [name]
    assert "engine" not in problems[0]


@pytest.mark.parametrize(
    "url", ["redis://cache.example", "rediss://:engine@cache.example:6379/3", "unix:///run/redis.sock?db=2"]
)
def test_the_usual_addresses_of_redis_are_accepted(read, url):
    assert read(**{**COMPLETE, "REDIS_URL": url}) == ["fine"]


def test_a_code_for_the_first_visitor_cannot_be_guessed(read):
    assert named(read(**COMPLETE, SETUP_CODE="abc-123-____-____")) == ["SETUP_CODE"]
    assert read(**COMPLETE, SETUP_CODE="K3QM-7XWD-PZ2A") == ["fine"]


@pytest.mark.parametrize(
    ("value", "is_fine"),
    [
        ("/rag", True),
        ("a/b/", True),
        ("//evil", True),
        ("/a b", False),
        ("https://x/rag", False),
        ("/../x", False),
        ("a/./b", False),
    ],
)
def test_a_prefix_is_a_path(read, value, is_fine):
    assert (read(**COMPLETE, URL_PREFIX=value) == ["fine"]) is is_fine


@pytest.mark.parametrize(
    ("value", "is_fine"),
    [
        ("docs.example.org,.example.com", True),
        ("10.0.0.7,[::1],web_1,*", True),
        ("https://docs.example.org", False),
        ("docs.example.org:8000", False),
        ("docs.example.org/rag", False),
        ("docs example org", False),
    ],
)
def test_a_host_is_a_name_and_no_address(read, value, is_fine):
    problems = read(**COMPLETE, ALLOWED_HOSTS=value)
    assert named(problems) == (["fine"] if is_fine else ["ALLOWED_HOSTS"])


@pytest.mark.parametrize(
    ("value", "is_fine"),
    [
        ("https://docs.example.org:8443/rag/", True),
        ("docs.example.org", False),
        ("javascript:alert(1)", False),
        ("https://[docs", False),
        ("https://ada:engine@docs.example.org", False),
    ],
)
def test_the_address_in_mails_is_an_address(read, value, is_fine):
    problems = read(**COMPLETE, SITE_URL=value)
    assert named(problems) == (["fine"] if is_fine else ["SITE_URL"])
    assert "engine" not in problems[0]
