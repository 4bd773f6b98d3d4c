"""A managed database: a role without superuser rights, and pgvector in a separate schema."""

import os
import subprocess
import sys
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from ragsite.operations.doctor import State, database

USE_IT = """
import django; django.setup()
from django.core.management import call_command
from django.db import connection, connections
call_command("migrate", verbosity=0)
from qa.retrieval.retriever import find_sources
from tests.support.factories import make_indexed, make_user
alice = make_user("alice")
make_indexed(alice, "It rains in Bergen.")
connections.close_all()
print(find_sources("Where does it rain?", user=alice)[0].text)
for name in ("hnsw.iterative_scan", "hnsw.ef_search", "search_path"):
    print(connection.cursor().execute(f"show {name}").fetchone()[0])
connections.close_all()
connection.ensure_connection()
print(connection.cursor().execute("show search_path").fetchone()[0].count("extensions"))
"""


def conninfo(**values):
    mine = connection.settings_dict
    place = {"host": mine["HOST"], "port": mine["PORT"] or None, "password": mine["PASSWORD"] or None}
    return psycopg.conninfo.make_conninfo(**{"user": mine["USER"], **place, **values})


@pytest.fixture
def managed(django_db_setup):
    """(name of the role and its database, a connection of the administrator to it)."""
    name = f"app_{uuid4().hex[:8]}"
    with psycopg.connect(conninfo(dbname="postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create role {} login password 'secret'").format(sql.Identifier(name)))
        admin.execute(sql.SQL("create database {0} owner {0}").format(sql.Identifier(name)))
        with psycopg.connect(conninfo(dbname=name), autocommit=True) as inside:
            yield name, inside
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def put_vector_into(inside, schema, role):
    names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
    inside.execute(sql.SQL("create schema {schema}").format(**names))
    inside.execute(sql.SQL("grant usage on schema {schema} to {role}").format(**names))
    inside.execute(sql.SQL("create extension vector schema {schema}").format(**names))


def run(name, tmp_path, query=""):
    host = connection.settings_dict["HOST"]
    url = f"postgresql://{name}:secret@/{name}?host={host}{query}"
    env = os.environ | {"DATABASE_URL": url, "DIRECT_DATABASE_URL": "", "RAGSITE_VAR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", USE_IT], env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.mark.parametrize("schema", ["extensions", "Odd name"])
def test_a_site_is_set_up_and_searched_with_pgvector_in_a_separate_schema(managed, tmp_path, schema):
    name, inside = managed
    put_vector_into(inside, schema, name)
    text, scan, _ef, path, _count = run(name, tmp_path)[-5:]
    assert (text, scan) == ("It rains in Bergen.", "relaxed_order")
    assert path.startswith('"$user", public, ')


def test_options_in_the_address_join_the_sites_own(managed, tmp_path):
    name, inside = managed
    put_vector_into(inside, "extensions", name)
    inside.execute(sql.SQL("create schema data authorization {}").format(sql.Identifier(name)))
    query = "&options=-c%20search_path%3Ddata%20-c%20hnsw.ef_search%3D77"
    text, scan, ef_search, path, count = run(name, tmp_path, query)[-5:]
    assert (text, scan, ef_search) == ("It rains in Bergen.", "relaxed_order", "77")
    assert (path, count) == ("data, extensions", "1")
    found = inside.execute("select schemaname from pg_tables where tablename = 'documents_chunk'").fetchone()
    assert found == ("data",)


@pytest.mark.django_db
def test_a_schema_that_the_role_may_not_use_is_told_with_its_remedy():
    with connection.cursor() as cursor:
        cursor.execute("create schema locked_away")
        cursor.execute("alter extension vector set schema locked_away")
        cursor.execute("create role visitor")
        cursor.execute("set local role visitor")
        finding = database.check_pgvector()
        cursor.execute("reset role")
    assert finding.state == State.FAIL
    assert "locked_away" in finding.sentence
    assert finding.remedy.startswith("As a superuser: grant usage on schema locked_away")
