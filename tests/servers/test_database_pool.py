"""The web process's pool is configured by undocumented names of psycopg_pool."""

import os
import subprocess
import sys

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
