"""The tables are emptied after a transactional test although a site beside it holds locks."""

from threading import Thread

import psycopg
import pytest
from django.db import connection

from ragsite.accounts.models import User
from tests import conftest
from tests.support.site import database_url, wait_for


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_is_tried_again(alice, monkeypatch):
    tries, lock_and_empty_tables = [], conftest.lock_and_empty_tables

    def counted():
        tries.append(1)
        lock_and_empty_tables()

    def empty():
        conftest.empty_tables(None)
        connection.close()

    monkeypatch.setattr(conftest, "lock_and_empty_tables", counted)
    emptying = Thread(target=empty)
    with psycopg.connect(database_url()) as site:
        site.execute("lock table qa_question in share mode")
        emptying.start()
        wait_for(lambda: is_waited_for("qa_question"))
        site.execute("lock table accounts_user in share mode")  # which the other one holds
    emptying.join()

    assert len(tries) == 2
    assert not User.objects.exists()


def is_waited_for(table):
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_locks where relation = %s::regclass and not granted", [table])
        return cursor.fetchone()
