"""Real PostgreSQL and Redis; the model is the local one, or a small OpenAI-compatible server on loopback."""

import gc
import os
from inspect import iscoroutinefunction

# Playwright's synchronous browser runs an event loop in the test's own thread, in which Django would refuse its ORM.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

import pytest
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError, connection, connections, transaction
from django.template.base import Template
from django.test import TransactionTestCase
from django.test.signals import template_rendered
from psycopg.errors import DeadlockDetected
from rq import SimpleWorker
from xdist.scheduler import LoadFileScheduling

from documents.work.job import JSON_SERIALIZER, Job
from documents.work.queue import get_queue, queue_connection
from ragsite.llm import configuration
from tests.support import factories
from tests.support.fake_openai import fake_openai  # noqa: F401 (a fixture)
from tests.support.tables import drop_vector_indexes, filled_tables, own_tables
from tests.support.web_site import own_site, web_site  # noqa: F401 (fixtures)


def render(template, context):
    """As in Django's test environment, which sends the context of every included template too, to be copied."""
    if context.template is template:
        template_rendered.send(sender=template, template=template, context=context)
    return template.nodelist.render(context)


@pytest.fixture(scope="session", autouse=True)
def _contexts_of_pages_only(django_test_environment):
    Template._render = render


class SitesTogether(LoadFileScheduling):
    """A file is run by one process; those that need the same site and browser are run by the same one."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        is_with_browser = file.startswith("tests/browser/") and "written_answers" not in file
        return "tests/browser" if is_with_browser else file


def pytest_xdist_make_scheduler(config, log):
    return SitesTogether(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish():
    """Modules and tests stay to the end: the garbage collector need not look at them after every few pages."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_folders(settings, tmp_path):
    settings.MEDIA_ROOT, settings.STATIC_ROOT = tmp_path / "files", tmp_path


@pytest.fixture(autouse=True)
def _no_saved_models():
    configuration.start_without_saved()


def empty_tables(self) -> None:
    """What follows a transactional test, in the place of Django's TRUNCATE of all tables, which takes a hundred times as long.

    All tables are locked first: a site that runs beside the tests writes before or after, never in between. The site may
    hold a lock on one table and want another; PostgreSQL then ends one of the two, and this one tries again.
    """
    for _attempt in range(5):
        try:
            return lock_and_empty_tables()
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
    return lock_and_empty_tables()


def lock_and_empty_tables() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"lock table {', '.join(own_tables())} in access exclusive mode")
        filled = filled_tables()
        # In any order: all that is referred to goes too.
        cursor.execute("set local session_replication_role = replica")
        for table in filled:
            cursor.execute(f"delete from {table}")
        if "documents_index" in filled:
            drop_vector_indexes()


TransactionTestCase._fixture_teardown = empty_tables  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _empty_redis():
    redis = queue_connection()
    # A site that runs beside the tests keeps its workers' registration.
    stale = redis.dbsize() and [
        key for key in redis.scan_iter(count=1000) if not key.startswith(b"rq:worker")
    ]
    if stale:
        redis.delete(*stale)
    cache.clear()


@pytest.fixture(autouse=True)
def _no_connection_left(request):
    """The thread in which asgiref runs the ORM for coroutines outlives the test; its connection need not."""
    yield
    if iscoroutinefunction(request.function):
        SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture
def alice(db):
    return factories.make_user("alice")


@pytest.fixture
def bob(db):
    return factories.make_user("bob")


@pytest.fixture
def operator(db):
    return factories.make_user("olga", is_staff=True, is_superuser=True)


@pytest.fixture
def queue():
    return get_queue("documents")


@pytest.fixture
def work():
    """Call it to run every job that is queued, in this process, as a worker would; returns how many there were."""

    def run_jobs() -> int:
        queues = [get_queue(name) for name in settings.RQ_QUEUES]
        count = sum(len(queue) for queue in queues)
        worker = SimpleWorker(
            queues, connection=queues[0].connection, serializer=JSON_SERIALIZER, job_class=Job
        )
        worker.work(burst=True, logging_level="WARNING")
        return count

    return run_jobs
