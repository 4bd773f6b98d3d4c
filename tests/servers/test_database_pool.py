"""The web process's pool is configured by undocumented names of psycopg_pool."""

import http.client
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from django.test import Client

from documents.models import Collection
from qa.models import Question
from tests.support.factories import make_indexed, make_user
from tests.support.fake_openai import KEY
from tests.support.site import Site, database_url

POOL_WITHOUT_A_SERVER = """
import threading, time
import psycopg, psycopg_pool
from django.conf import settings

assert settings.DATABASES["default"]["OPTIONS"]["pool"]
tried, is_enough = [], threading.Event()

class Refused(psycopg.Connection):
    @classmethod
    def connect(cls, *args, **kwargs):
        tried.append(time.monotonic())
        if len(tried) == 5:
            is_enough.set()
        raise psycopg.OperationalError("refused")

pool = psycopg_pool.ConnectionPool("", connection_class=Refused, min_size=1, open=True)
is_enough.wait(12)
pool.close(timeout=0)
print(tried[-1] - tried[0] if len(tried) >= 5 else 99)
"""


def test_a_database_that_is_down_is_polled_five_times_a_second_until_it_is_back():
    done = subprocess.run(
        [sys.executable, "-c", POOL_WITHOUT_A_SERVER],
        env=os.environ | {"DATABASE_POOL": "True", "DJANGO_SETTINGS_MODULE": "ragsite.settings"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert float(done.stdout) < 2  # 0.8; the pool's own pauses of 1, 2, 4 and 8 seconds are 15


WAITING_FOR_THE_ONLY_CONNECTION = """
import threading, time
import django
django.setup()
from django.db import connection

connection.settings_dict["OPTIONS"]["pool"]["timeout"] = 0.2
is_held = threading.Event()

def hold():
    connection.ensure_connection()
    is_held.set()
    time.sleep(1)
    connection.close()

threading.Thread(target=hold).start()
is_held.wait(20) if {holds} else None
began = time.monotonic()
try:
    connection.ensure_connection()
    print("connected")
except Exception as error:
    print(type(error).__name__, time.monotonic() - began < 20)
"""


def waiting(holds=True, **variables):
    done = subprocess.run(
        [sys.executable, "-c", WAITING_FOR_THE_ONLY_CONNECTION.format(holds=holds)],
        env=os.environ
        | {"DATABASE_POOL": "True", "DATABASE_POOL_SIZE": "1", **variables}
        | {"DJANGO_SETTINGS_MODULE": "ragsite.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.django_db
def test_a_connection_that_others_use_is_waited_for_beyond_the_pools_own_patience():
    assert waiting(DATABASE_URL=database_url()) == "connected"


def test_a_database_that_is_away_is_no_reason_to_wait():
    away = "postgresql://nobody@/nothing?host=/nowhere"
    assert waiting(holds=False, DATABASE_URL=away) == "OperationalError True"


ASKERS = 50
TOKEN = "a" * 32


def cookies_of(user):
    client = Client()
    client.force_login(user)
    return f"ragsite_session={client.cookies['ragsite_session'].value}; ragsite_csrf={TOKEN}"


def ask(port, cookies, text):
    """Ask as the page does and return the status of the answer, read from its stream; or what went wrong."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Cookie": cookies, "X-CSRFToken": TOKEN, "HX-Request": "true"}
    form = headers | {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/ask/", urlencode({"text": text}), form)
    response = connection.getresponse()
    page = response.read().decode()
    if response.status != 200:
        return f"status {response.status}"
    connection.request("GET", re.search(r'sse-connect="([^"]+)"', page)[1], headers=headers)
    stream = connection.getresponse().read().decode()
    connection.close()
    found = re.search(r'event: final.*?data-finished="(\w+)"', stream, re.DOTALL)
    return found[1] if found else "no final answer"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_fifty_people_who_ask_at_once_wait_their_turn_for_two_connections(tmp_path, alice, fake_openai):
    shelf = Collection.objects.create(name="Shared", everyone_reads=True)
    make_indexed(alice, "Membership costs 21 euros for students.", collection=shelf)
    cookies = [cookies_of(make_user(f"person{number}")) for number in range(ASKERS)]
    fake_openai.fault("slow", seconds=0.05)
    settings = {
        "DATABASE_POOL": "True",
        "DATABASE_POOL_SIZE": "2",
        "OPENAI_BASE_URL": fake_openai.url,
        "OPENAI_API_KEY": KEY,
        "EMBEDDING_MODEL": "all-MiniLM-L6-v2",
    }
    with Site(tmp_path, lines=["web"], **settings) as site, ThreadPoolExecutor(ASKERS) as askers:
        asked = [
            askers.submit(ask, site.port, cookie, f"What does membership {number} cost?")
            for number, cookie in enumerate(cookies)
        ]
        ends = [each.result() for each in asked]
    assert ends == ["complete"] * ASKERS, site.log("web")[-3000:]
    assert Question.objects.filter(state="complete").count() == ASKERS
