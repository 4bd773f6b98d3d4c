"""PostgreSQL and Redis, and who works with them."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from redis.exceptions import RedisError, ResponseError

from documents.work.locks import lock_conninfo
from documents.work.queue import queue_connection, workers_alive
from documents.work.reconciler import clock_alive
from ragsite.cache import connect_to_cache
from ragsite.operations.doctor.finding import Finding, fail, ok, tried, warn
from ragsite.redis import is_about_database

OLDEST_POSTGRES = 14
OLDEST_PGVECTOR = (0, 8)  # its index scans go on until enough rows pass the filters
LOCK_FREED_SECONDS = 2
TRIAL_NAMESPACE = 0x5244  # "RD": no lock of a job is ever in the way


def examine() -> Iterator[Finding]:
    yield (database := tried("database", database_answers))
    if not database.is_bad:
        yield tried("pgvector", extension_is_there)
        yield tried("migrations", nothing_to_migrate)
        yield tried("locks", locks_exclude)
    yield (queue := tried("redis", queue_answers))
    if not queue.is_bad:
        yield tried("redis persistence", queue_is_kept)
        yield tried("redis eviction", queue_is_not_evicted)
    yield (apart := tried("cache", cache_answers))
    if not (queue.is_bad or apart.is_bad):
        yield tried("cache apart", cache_is_apart)
    if not queue.is_bad:
        yield tried("workers", workers_are_there)
        yield tried("clock", clock_is_there)


# PostgreSQL


def database_answers() -> Finding:
    try:
        connection.ensure_connection()
        number = connection.cursor().execute("show server_version").fetchone()[0].split()[0]
    except Exception as error:
        sentence = _("PostgreSQL does not answer (%(error)s).") % {"error": type(error).__name__}
        return fail(
            "database", sentence, _("Start it, or correct DATABASE_URL; bin/dev starts one of its own.")
        )
    if int(re.split(r"\D", number)[0]) < OLDEST_POSTGRES:
        sentence = _("PostgreSQL %(version)s is too old.") % {"version": number}
        return fail("database", sentence, _("Use PostgreSQL %s or newer.") % OLDEST_POSTGRES)
    return ok("database", _("PostgreSQL %(version)s answers.") % {"version": number})


def extension_is_there() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(
            "select extversion, nspname, has_schema_privilege(nspname, 'usage')"
            " from pg_extension join pg_namespace on pg_namespace.oid = extnamespace where extname = 'vector'"
        )
        row = cursor.fetchone()
    if row is None:
        remedy = _("Install pgvector on the server, then run: python manage.py migrate")
        return fail("pgvector", _("The extension “vector” is not there."), remedy)
    if not row[2]:
        sentence = _("The extension “vector” is in the schema %(schema)s, which this role may not use.")
        remedy = _("As an administrator: grant usage on schema %(schema)s to the role of DATABASE_URL")
        return fail("pgvector", sentence % {"schema": row[1]}, remedy % {"schema": row[1]})
    if tuple(map(int, re.findall(r"\d+", row[0])[:2])) < OLDEST_PGVECTOR:
        sentence = _("pgvector %(version)s is too old: searches may miss passages.") % {"version": row[0]}
        return fail("pgvector", sentence, _("Install 0.8 or newer, then run: alter extension vector update"))
    return ok("pgvector", _("pgvector %(version)s is there.") % {"version": row[0]})


def nothing_to_migrate() -> Finding:
    executor = MigrationExecutor(connection)
    count = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if not count:
        return ok("migrations", _("All migrations have been applied."))
    sentence = ngettext(
        "%(count)s migration has not been applied.", "%(count)s migrations have not been applied.", count
    )
    return fail("migrations", sentence % {"count": count}, _("Run: python manage.py migrate"))


def locks_exclude() -> Finding:
    """Whether a lock that one session takes keeps another out, is seen by the site, and is gone once the first is.

    Behind a transaction pooler it is not: a session's statements go to one backend after another, and the lock stays
    with whichever took it.
    """
    key = [TRIAL_NAMESPACE, random.randrange(2**31)]  # noqa: S311 (no secret)
    try:
        with ExitStack() as stack:
            first, second = (stack.enter_context(_session()) for _number in range(2))
            _value(first, TAKE, key)
            if not _is_held(key):
                sentence = _("The connection for locks leads to another database than the site's.")
                return fail(
                    "locks", sentence, _("Correct DIRECT_DATABASE_URL: it must name the same database.")
                )
            if not _keeps_out(first, second, key):
                return fail("locks", _("A session's lock does not keep others out."), pooler_remedy())
        if not _is_freed(key):
            return fail("locks", _("A lock outlives the session that took it."), pooler_remedy())
    except psycopg.Error as error:
        sentence = _("The connection for locks does not work (%(error)s).") % {"error": type(error).__name__}
        remedy = _("Correct DIRECT_DATABASE_URL, or leave it empty where no pooler is used.")
        return fail("locks", sentence, remedy)
    return ok("locks", _("A session's lock keeps others out, and is freed with it."))


TAKE = "select pg_try_advisory_lock(%s, %s)"
BACKEND = "select pg_backend_pid()"


def pooler_remedy() -> str:
    return _("A transaction pooler stands between: set DIRECT_DATABASE_URL to the server behind it.")


def _session() -> psycopg.Connection[Any]:
    return psycopg.connect(lock_conninfo(), autocommit=True, connect_timeout=3, prepare_threshold=None)


def _keeps_out(first: psycopg.Connection[Any], second: psycopg.Connection[Any], key: list[int]) -> bool:
    """Within a transaction the second holds on to its backend; a pooler then has to give the first another."""
    backend = _value(first, BACKEND)
    with second.transaction():
        if _value(second, TAKE, key):  # before anything else: the first might wait for the very backend
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


def _is_freed(key: list[int]) -> bool:
    until = time.monotonic() + LOCK_FREED_SECONDS
    while _is_held(key):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


# Redis


def queue_answers() -> Finding:
    try:
        queue_connection().ping()
    except RedisError as error:
        if is_about_database(error):
            return no_such_database("redis", "REDIS_URL")
        sentence = _("The queue's Redis does not answer (%(error)s).") % {"error": type(error).__name__}
        return fail("redis", sentence, _("Start it, or correct REDIS_URL; bin/dev starts one of its own."))
    version = _info("server").get("redis_version", "")
    return ok("redis", _("Redis %(version)s answers.") % {"version": version})


def _info(section: str) -> dict[str, Any]:
    """What the server tells of itself; hosted ones may tell nothing."""
    try:
        return dict(queue_connection().info(section))
    except ResponseError:
        return {}


def _configured(name: str) -> str | None:
    """A setting of the server; None where it keeps its settings to itself, as hosted ones do."""
    try:
        return queue_connection().config_get(name).get(name)
    except ResponseError:
        return None


def queue_is_kept() -> Finding:
    name = "redis persistence"
    info, snapshots = _info("persistence"), _configured("save")
    if info.get("aof_enabled"):
        return ok(name, _("The queue is kept on disk (append-only file)."))
    if snapshots:
        sentence = _(
            "The queue is saved in snapshots: a crash loses what came since the last, until the clock notices."
        )
        return warn(name, sentence, _("Set appendonly yes in its Redis."))
    if snapshots is None:
        sentence = _("The server does not say whether the queue is kept on disk.")
        return warn(name, sentence, _("Ask its host for persistence (AOF). The clock puts lost work back."))
    sentence = _("The queue is not kept on disk: a restart of Redis loses it, until the clock notices.")
    return warn(name, sentence, _("Set appendonly yes in its Redis."))


def queue_is_not_evicted() -> Finding:
    name = "redis eviction"
    info = _info("memory")
    policy = info.get("maxmemory_policy") or _configured("maxmemory-policy")
    remedy = _("Set maxmemory-policy noeviction in the queue's Redis.")
    if policy is None:
        return warn(name, _("The server does not say what it does when it is full."), remedy)
    if policy == "noeviction":
        return ok(name, _("A full Redis refuses, and throws nothing away (noeviction)."))
    sentence = _("A full Redis throws work away (%(policy)s).") % {"policy": policy}
    is_near = bool(info.get("maxmemory")) and policy.startswith("allkeys")
    return fail(name, sentence, remedy) if is_near else warn(name, sentence, remedy)


def cache_answers() -> Finding:
    key, value = f"doctor:{uuid4().hex}", uuid4().hex
    try:
        cache.set(key, value, 10)
        is_kept = cache.get(key) == value
        cache.delete(key)
    except RedisError as error:
        if is_about_database(error):
            return no_such_database("cache", "CACHE_URL")
        sentence = _("The cache does not answer (%(error)s).") % {"error": type(error).__name__}
        return fail("cache", sentence, _("Start its Redis, or correct CACHE_URL."))
    if not is_kept:
        return fail("cache", _("The cache keeps nothing."), _("Give its Redis more memory."))
    return ok("cache", _("The cache answers."))


def no_such_database(name: str, variable: str) -> Finding:
    """Said of the number in the address; without CACHE_URL the cache finds that out and shares the queue's."""
    sentence = _("The server has no database of the number that %(variable)s names.") % {"variable": variable}
    return fail(name, sentence, _("Name one that it has, such as /0; keys of the cache have a prefix."))


def cache_is_apart() -> Finding:
    """By what the servers say of themselves: two addresses may lead to one place."""
    with connect_to_cache() as other:
        probe = f"ragsite:doctor:{uuid4().hex}"
        queue_connection().set(probe, 1, ex=10)
        is_shared = bool(other.exists(probe))
        queue_connection().delete(probe)
    if not is_shared:
        return ok("cache apart", _("Cache and queue are apart."))
    sentence = _("Cache and queue share one Redis database, apart by a prefix alone.")
    remedy = _("Set CACHE_URL to another server or database: a full cache must never push out queued work.")
    return warn("cache apart", sentence, remedy)


# Who works


def workers_are_there() -> Finding:
    count = workers_alive(queue_connection())
    if not count:
        sentence = _("No worker is running: documents wait.")
        return fail("workers", sentence, _("Start the Procfile's worker line."))
    sentence = ngettext("%(count)s worker is running.", "%(count)s workers are running.", count)
    return ok("workers", sentence % {"count": count})


def clock_is_there() -> Finding:
    if clock_alive():
        return ok("clock", _("The clock is running."))
    sentence = _("No clock is running: lost work comes back more slowly, and nothing old is removed.")
    return warn("clock", sentence, _("Start the Procfile's clock line."))
