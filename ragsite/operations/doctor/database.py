"""Checks of PostgreSQL: version, extension, migrations and session locks."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, LiteralString

import psycopg
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from documents.work.locks import lock_conninfo
from ragsite.operations.doctor.finding import Finding, fail, ok, run_check

MIN_POSTGRES = 14
MIN_PGVECTOR = (0, 8)  # since then an index scan continues until enough rows pass the filters
RELEASE_SECONDS = 2
LOCK_NAMESPACE = 0x5244  # "RD": never the namespace of a job's lock


def examine() -> Iterator[Finding]:
    yield (database := run_check("database", check_connection))
    if not database.is_bad:
        yield run_check("pgvector", check_pgvector)
        yield run_check("migrations", check_migrations)
        yield run_check("locks", check_locks)


def check_connection() -> Finding:
    try:
        connection.ensure_connection()
        number = connection.cursor().execute("show server_version").fetchone()[0].split()[0]
    except Exception as error:
        sentence = _("PostgreSQL is not responding (%(error)s).") % {"error": type(error).__name__}
        return fail(
            "database", sentence, _("Start it or correct DATABASE_URL; bin/dev starts its own server.")
        )
    if int(re.split(r"\D", number)[0]) < MIN_POSTGRES:
        sentence = _("PostgreSQL %(version)s is too old.") % {"version": number}
        return fail("database", sentence, _("Use PostgreSQL %s or newer.") % MIN_POSTGRES)
    return ok("database", _("PostgreSQL %(version)s is running.") % {"version": number})


def check_pgvector() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(
            "select extversion, nspname, has_schema_privilege(nspname, 'usage')"
            " from pg_extension join pg_namespace on pg_namespace.oid = extnamespace where extname = 'vector'"
        )
        row = cursor.fetchone()
    if row is None:
        remedy = _("Install pgvector on the server, then run: python manage.py migrate")
        return fail("pgvector", _("The extension “vector” is missing."), remedy)
    if not row[2]:
        sentence = _(
            "The extension “vector” is in the schema %(schema)s, which this role has no permission to use."
        )
        remedy = _("As a superuser: grant usage on schema %(schema)s to the role of DATABASE_URL")
        return fail("pgvector", sentence % {"schema": row[1]}, remedy % {"schema": row[1]})
    if tuple(map(int, re.findall(r"\d+", row[0])[:2])) < MIN_PGVECTOR:
        sentence = _("pgvector %(version)s is too old: searches may miss results.") % {"version": row[0]}
        return fail("pgvector", sentence, _("Install 0.8 or newer, then run: alter extension vector update"))
    return ok("pgvector", _("pgvector %(version)s is installed.") % {"version": row[0]})


def check_migrations() -> Finding:
    executor = MigrationExecutor(connection)
    count = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if not count:
        return ok("migrations", _("All migrations are applied."))
    sentence = ngettext("%(count)s migration is not applied.", "%(count)s migrations are not applied.", count)
    return fail("migrations", sentence % {"count": count}, _("Run: python manage.py migrate"))


def check_locks() -> Finding:
    """Check that a session's advisory lock excludes others, is visible to the site, and is released with the session.

    Behind a transaction pooler it does not: the statements of one session run on different backends, and the lock
    belongs to one of them.
    """
    key = [LOCK_NAMESPACE, random.randrange(2**31)]  # noqa: S311 (no secret)
    try:
        with ExitStack() as stack:
            first, second = (stack.enter_context(_session()) for _number in range(2))
            _value(first, ACQUIRE, key)
            if not _is_held(key):
                sentence = _("The connection for locks leads to a different database.")
                return fail(
                    "locks", sentence, _("Correct DIRECT_DATABASE_URL: it must name the same database.")
                )
            if not _excludes(first, second, key):
                return fail("locks", _("A session's lock does not exclude other sessions."), _pooler_remedy())
        if not _is_released(key):
            return fail("locks", _("A lock outlives the session that acquired it."), _pooler_remedy())
    except psycopg.Error as error:
        sentence = _("The connection for locks fails (%(error)s).") % {"error": type(error).__name__}
        remedy = _("Correct DIRECT_DATABASE_URL, or leave it empty if you use no pooler.")
        return fail("locks", sentence, remedy)
    return ok("locks", _("A session's lock excludes others and is released with it."))


ACQUIRE = "select pg_try_advisory_lock(%s, %s)"
BACKEND = "select pg_backend_pid()"


def _pooler_remedy() -> str:
    return _("A transaction pooler is in between: set DIRECT_DATABASE_URL to the server behind it.")


def _session() -> psycopg.Connection[Any]:
    return psycopg.connect(lock_conninfo(), autocommit=True, connect_timeout=3, prepare_threshold=None)


def _excludes(first: psycopg.Connection[Any], second: psycopg.Connection[Any], key: list[int]) -> bool:
    """A transaction pins the second session to a backend, so a pooler must give the first a different one."""
    backend = _value(first, BACKEND)
    with second.transaction():
        if _value(second, ACQUIRE, key):  # first of all: the other session might wait for this backend
            return False
        return all(_value(first, BACKEND) == backend for _number in range(3))


def _value(session: psycopg.Connection[Any], query: LiteralString, values: list[int] | None = None) -> Any:
    row = session.execute(query, values).fetchone()
    return row and row[0]


def _is_held(key: list[int]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists(select from pg_locks where locktype = 'advisory' and granted and classid = %s and objid = %s"
            " and database = (select oid from pg_database where datname = current_database()))",
            key,
        )
        return bool(cursor.fetchone()[0])


def _is_released(key: list[int]) -> bool:
    until = time.monotonic() + RELEASE_SECONDS
    while _is_held(key):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
