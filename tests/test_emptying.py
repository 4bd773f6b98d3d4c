"""What a transactional test leaves: nothing, although a site beside it holds locks."""

from threading import Thread

import psycopg
import pytest
from django.db import connection

from documents.models import Index
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


@pytest.mark.django_db(transaction=True)
def test_no_vector_index_outlives_its_rows():
    Index.objects.live().create_vector_index()
    assert vector_indexes()

    conftest.empty_tables(None)

    assert not vector_indexes()


def vector_indexes():
    with connection.cursor() as cursor:
        cursor.execute("select indexname from pg_indexes where indexname like 'chunk_vectors_%'")
        return cursor.fetchall()


def is_waited_for(table):
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_locks where relation = %s::regclass and not granted", [table])
        return cursor.fetchone()
