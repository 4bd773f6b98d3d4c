import io
import os
import socket
import struct
import subprocess
import threading

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from documents.models import Index
from documents.work import queue
from documents.work.reconciler import beat
from ragsite import embedded
from ragsite.llm.backends import reranker
from ragsite.operations.doctor import State, database, machine, processes, providers, redis
from tests.http.test_health import queue_on, worker  # noqa: F401 (fixtures)
from tests.support.factories import make_document
from tests.support.fake_openai import KEY
from tests.support.site import accepts, wait_for


def run_doctor(*words):
    """Run the command and return its exit status, a line per check, and the last line."""
    out, status = io.StringIO(), 0
    try:
        call_command("doctor", *words, stdout=out, no_color=True)
    except SystemExit as end:
        status = end.code
    lines = out.getvalue().splitlines()
    return status, {line[6:25].strip(): line for line in lines[:-1]}, lines[-1]


# The command


@pytest.fixture
def healthy(db, worker, settings):  # noqa: F811
    settings.SECRET_KEY = "".join(map(chr, range(40, 110)))
    worker("one", seconds_left=80)
    beat()


def test_a_healthy_site_has_one_line_for_each_part_and_exit_status_0(healthy):
    status, found, last = run_doctor("--offline")

    assert status == 0, found
    assert list(found) == [
        "database", "pgvector", "migrations", "locks", "redis", "redis persistence", "redis eviction",
        "cache", "cache apart", "workers", "clock", "disk", "files", "file rights", "scanned pages", "packages", "secret key", "debug",
    ]  # fmt: skip
    assert last.startswith("18 checks: 0 failed")


def test_a_failed_check_prints_its_remedy_and_exits_with_1(healthy, settings):
    settings.SECRET_KEY = "short"
    status, found, last = run_doctor("--no-provider")

    assert status == 1
    assert found["secret key"].startswith("fail  secret key")
    assert "→ python3 -c" in found["secret key"]
    assert "18 checks: 1 failed" in last


def test_offline_calls_no_provider(healthy, fake_openai):
    run_doctor("--offline")

    assert fake_openai.requests == []


def test_both_models_get_one_real_call_and_a_long_prompt(healthy, fake_openai):
    status, found, _last = run_doctor()

    assert status == 0, found
    assert found["embeddings"].startswith("ok ")
    assert found["chat"].startswith("ok ")
    assert found["long prompts"].startswith("ok ")
    assert (len(fake_openai.embeddings), len(fake_openai.chats)) == (1, 2)


def test_without_a_provider_the_local_model_is_checked(healthy):
    status, found, _last = run_doctor()

    assert status == 0
    assert "all-MiniLM-L6-v2 on this machine responds" in found["embeddings"]
    assert "answers are exact quotes" in found["chat"]
    assert "ms-marco-MiniLM-L-12-v2 on this machine responds" in found["reranker"]


def test_a_missing_reranker_is_a_warning(healthy, monkeypatch):
    monkeypatch.setattr(reranker.FILES, "package", "no_such_package")
    monkeypatch.setattr(reranker, "_model", None)
    status, found, _last = run_doctor()

    assert status == 0
    assert found["reranker"].startswith("warn  reranker")
    assert "not installed" in found["reranker"]


def test_the_checks_change_nothing(healthy, fake_openai):
    before = set(queue.queue_connection().scan_iter())
    run_doctor()

    assert Index.objects.count() == 0
    assert set(queue.queue_connection().scan_iter()) == before


def test_a_refused_key_is_reported_and_never_shown(healthy, fake_openai):
    fake_openai.fault("bad_key", times=0)
    status, found, _last = run_doctor()

    assert status == 1
    assert "rejects the API key" in found["chat"]
    assert "Set a valid OPENAI_API_KEY" in found["chat"]
    assert KEY not in str(found)


@pytest.mark.django_db(transaction=True)
def test_an_unavailable_database_is_one_line_and_the_rest_is_still_checked(monkeypatch):
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "/nowhere")
        status, found, _last = run_doctor()

    assert status == 1
    assert found["database"].startswith("fail")
    assert "DATABASE_URL" in found["database"]
    assert not {"pgvector", "migrations", "locks"} & set(found)
    assert found["redis"].startswith("ok")
    assert found["embeddings"].startswith("ok")


def test_an_unavailable_queue_is_reported_and_its_dependents_skipped(healthy, queue_on):  # noqa: F811
    queue_on("unix:///nowhere/redis.sock")
    status, found, _last = run_doctor("--offline")

    assert status == 1
    assert found["redis"].startswith("fail")
    assert not {"redis persistence", "workers", "clock", "cache apart"} & set(found)
    assert found["disk"].startswith("ok")


# The database


@pytest.mark.django_db
def test_migrations_that_have_not_been_applied_are_counted():
    with connection.cursor() as cursor:
        cursor.execute("delete from django_migrations where app = 'qa' and name = (select max(name) from django_migrations where app = 'qa')")  # fmt: skip
    finding = database.check_migrations()

    assert finding.state == State.FAIL
    assert finding.remedy == "Run: python manage.py migrate"


@pytest.mark.django_db(transaction=True)
def test_locks_of_a_direct_connection_pass_and_none_is_left_behind():
    assert database.check_locks().state == State.OK
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_locks where locktype = 'advisory' and classid = %s", [database.LOCK_NAMESPACE])  # fmt: skip
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("backends", [1, 2, 5])
@pytest.mark.parametrize("order", ["last first", "in turn"])
def test_a_transaction_pooler_is_detected(settings, pooler, backends, order):
    settings.DIRECT_DATABASE_URL = pooler(backends, order)
    finding = database.check_locks()

    assert finding.state == State.FAIL
    assert "set DIRECT_DATABASE_URL" in finding.remedy


@pytest.mark.django_db(transaction=True)
def test_locks_in_another_database_are_detected(settings):
    settings.DIRECT_DATABASE_URL = address_of(connection.settings_dict, "postgres")
    finding = database.check_locks()

    assert finding.state == State.FAIL
    assert "the same database" in finding.remedy


@pytest.mark.django_db(transaction=True)
def test_an_unreachable_direct_url_is_reported(settings):
    settings.DIRECT_DATABASE_URL = "postgresql://nobody:hidden@127.0.0.1:1/nothing"
    finding = database.check_locks()

    assert finding.state == State.FAIL
    assert "hidden" not in finding.sentence


def address_of(values, name):
    host = values["HOST"] or values["OPTIONS"].get("host", "")
    return psycopg.conninfo.make_conninfo(
        host=host,
        port=values["PORT"] or None,
        user=values["USER"],
        password=values["PASSWORD"] or None,
        dbname=name,
    )


class Pooler:
    """A transaction pooler such as PgBouncer: many clients share a few backends, each for one transaction at a time."""

    def __init__(self, backends, order):
        values = connection.settings_dict
        address = address_of(values, values["NAME"])
        self.backends = [psycopg.connect(address, autocommit=True) for _number in range(backends)]
        self.idle = list(self.backends)
        self.free, self.order = threading.Condition(), order
        self.server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()
        self.url = f"postgresql://anyone@127.0.0.1:{self.server.getsockname()[1]}/any?sslmode=disable&gssencmode=disable"

    def accept(self):
        while True:
            try:
                client, _address = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        stream = client.makefile("rwb")
        (length,) = struct.unpack("!i", stream.read(4))
        stream.read(length - 4)  # the start-up message; every client is accepted
        parameters = {
            "server_version": "16.0",
            "client_encoding": "UTF8",
            "standard_conforming_strings": "on",
        }
        parameters_sent = [message(b"S", f"{name}\0{value}\0".encode()) for name, value in parameters.items()]
        stream.write(message(b"R", struct.pack("!i", 0)) + b"".join(parameters_sent) + message(b"Z", b"I"))
        stream.flush()
        backend = None
        while batch := read_batch(stream):
            backend = backend or self.take()
            answer, is_over = ask(backend, batch)
            stream.write(answer)
            stream.flush()
            if is_over:
                backend = self.give_back(backend)
        if backend:
            self.give_back(backend)

    def take(self):
        with self.free:
            assert self.free.wait_for(lambda: self.idle, timeout=20), "a client waits for a backend for ever"
            return self.idle.pop() if self.order == "last first" else self.idle.pop(0)

    def give_back(self, backend):
        with self.free:
            self.idle.append(backend)
            self.free.notify()

    def close(self):
        self.server.close()
        for backend in self.backends:
            backend.close()


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def read_message(stream):
    kind = stream.read(1)
    if not kind:
        return b"", b""
    (length,) = struct.unpack("!i", stream.read(4))
    return kind, stream.read(length - 4)


def read_batch(stream):
    """Return what a client sends until it waits for an answer; empty after it disconnects."""
    batch = b""
    while True:
        kind, body = read_message(stream)
        if kind in (b"", b"X"):
            return b""
        batch += message(kind, body)
        if kind in (b"Q", b"S"):
            return batch


def ask(backend, batch):
    """Return the backend's answer and whether its transaction ended."""
    with socket.socket(fileno=os.dup(backend.fileno())) as raw:
        raw.setblocking(True)
        raw.sendall(batch)
        stream, answer = raw.makefile("rb"), b""
        while True:
            kind, body = read_message(stream)
            answer += message(kind, body)
            if kind == b"Z":
                return answer, body == b"I"


@pytest.fixture
def pooler():
    """Return a factory: given a number of backends and their order, it starts a pooler and returns its URL."""
    opened = []

    def begin(backends, order):
        opened.append(Pooler(backends, order))
        return opened[-1].url

    yield begin
    for one in opened:
        one.close()


# Redis


@pytest.fixture
def redis_with(tmp_path, queue_on):  # noqa: F811
    """Return a factory: it starts redis-server with the given options and moves queue and cache there."""
    processes = []

    def start(*options):
        place = tmp_path / "redis.sock"
        command = [embedded.find_redis_server(), "--port", "0", "--unixsocket", str(place), *options]
        processes.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL))
        wait_for(lambda: accepts(place), every=0.01)
        queue_on(f"unix://{place}?db=0")

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_a_persistent_queue_without_eviction_passes(redis_with):
    redis_with("--appendonly", "yes", "--maxmemory-policy", "noeviction")

    assert redis.check_persistence().state == State.OK
    assert redis.check_eviction().state == State.OK


def test_a_queue_in_memory_only_is_a_warning(redis_with):
    redis_with("--save", "", "--appendonly", "no")
    finding = redis.check_persistence()

    assert (finding.state, finding.remedy) == (State.WARN, "Set appendonly yes in the queue's Redis.")


def test_snapshots_are_a_warning(redis_with):
    redis_with("--save", "900", "1", "--appendonly", "no")

    assert "snapshots" in redis.check_persistence().sentence


@pytest.mark.parametrize(
    ("policy", "state"), [("allkeys-lru", State.FAIL), ("volatile-lru", State.WARN), ("noeviction", State.OK)]
)
def test_a_full_redis_must_not_evict_jobs(redis_with, policy, state):
    redis_with("--maxmemory", "50mb", "--maxmemory-policy", policy)

    assert redis.check_eviction().state == state


def test_a_hosted_server_that_forbids_config_is_checked_by_info(redis_with):
    redis_with("--rename-command", "CONFIG", "", "--appendonly", "yes", "--maxmemory-policy", "allkeys-lru")

    assert redis.check_persistence().state == State.OK
    assert redis.check_eviction().state == State.WARN


def test_a_hosted_server_that_reveals_nothing_is_a_warning(redis_with):
    redis_with("--rename-command", "CONFIG", "", "--rename-command", "INFO", "")

    assert redis.check_queue().state == State.OK
    assert redis.check_persistence().state == State.WARN
    assert redis.check_eviction().state == State.WARN


def test_a_cache_in_the_queues_database_is_a_warning(redis_with):
    redis_with()
    finding = redis.check_separation()

    assert finding.state == State.WARN
    assert "CACHE_URL" in finding.remedy


def test_a_cache_in_another_database_passes():
    assert redis.check_separation().state == State.OK


def test_a_missing_clock_is_a_warning():
    assert processes.check_clock().state == State.WARN
    beat()
    assert processes.check_clock().state == State.OK


# The models


@pytest.mark.django_db
def test_a_server_that_silently_truncates_long_prompts_is_detected(fake_openai):
    fake_openai.answer = "apples"  # of the end, where no code word stands
    finding = providers.check_long_prompts()

    assert finding.state == State.FAIL
    assert "CHAT_CONTEXT_TOKENS" in finding.remedy


@pytest.mark.django_db
@pytest.mark.parametrize("window", [3_500, 8_192, 20_000])
def test_the_long_prompt_fills_the_window_and_leaves_room_for_the_answer(fake_openai, settings, window):
    settings.CHAT_CONTEXT_TOKENS = window
    _prompt, tokens = providers._long_prompt("heron")

    assert 0.85 * (window - providers.MAX_ANSWER_TOKENS) < tokens <= window - providers.MAX_ANSWER_TOKENS


@pytest.mark.django_db
def test_a_truncated_answer_is_inconclusive(fake_openai):
    fake_openai.answer = "Let me think about it"
    fake_openai.fault("finish", reason="length", after=2)

    assert providers.check_long_prompts().state == State.WARN


@pytest.mark.django_db
def test_vectors_too_short_for_the_live_index_are_detected(fake_openai, settings):
    live = Index.objects.live()
    Index.objects.filter(pk=live.pk).update(dimensions=3072)
    found = {finding.name: finding for finding in providers.examine()}

    assert found["embeddings"].state == State.FAIL
    assert "reindex" in found["embeddings"].remedy


# The machine


def test_low_disk_space_is_a_warning_and_a_full_disk_a_failure(monkeypatch):
    monkeypatch.setattr(machine, "LOW_SPACE", 10**18)
    assert machine.check_disk().state == State.WARN
    monkeypatch.setattr(machine, "MIN_SPACE", 10**18)
    assert machine.check_disk().state == State.FAIL


def test_keys_and_uploads_readable_by_others_are_detected(settings, tmp_path):
    tmp_path.chmod(0o755)
    for folder in list(tmp_path.parents)[:3]:  # pytest makes up to so many, closed to others
        folder.chmod(0o755)
    settings.BASE_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    (tmp_path / ".env").write_text("SECRET_KEY=x")
    (tmp_path / ".env").chmod(0o640)
    (tmp_path / "files").mkdir(mode=0o755)
    assert machine.check_permissions().remedy == f"chmod 600 {tmp_path / '.env'}"

    (tmp_path / ".env").chmod(0o600)
    assert machine.check_permissions().remedy == f"chmod 700 {tmp_path / 'files'}"

    (tmp_path / "files").chmod(0o700)
    assert machine.check_permissions().state == State.OK


def test_a_private_parent_folder_is_enough(settings, tmp_path):
    settings.BASE_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "var" / "files"
    settings.MEDIA_ROOT.mkdir(parents=True)
    settings.MEDIA_ROOT.chmod(0o755)
    settings.MEDIA_ROOT.parent.chmod(0o700)

    assert machine.check_permissions().state == State.OK


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_detected(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.MEDIA_ROOT.mkdir(mode=0o500)

    assert machine.check_files().state == State.FAIL


def test_the_folder_of_the_first_upload_is_private(alice, settings):
    make_document(alice)

    assert {place.stat().st_mode & 0o777 for place in settings.MEDIA_ROOT.rglob("*") if place.is_dir()} <= {
        0o700
    }
    assert settings.MEDIA_ROOT.stat().st_mode & 0o077 == 0


def test_packages_that_differ_from_the_pinned_ones_are_listed(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    (tmp_path / "requirements.txt").write_text(
        "django==1.0 \\\n    --hash=sha256:00\nleft-pad==2 ; sys_platform == 'nowhere' \\\n    --hash=sha256:00\nabsent-package==3 \\\n"
    )
    finding = machine.check_packages()

    assert finding.state == State.WARN
    assert finding.sentence == "2 packages differ from requirements.txt: django, absent-package."


@pytest.mark.parametrize(
    ("key", "is_well"), [("x" * 60, False), ("abcdefgh" * 5, False), ("abcdefgh" * 8, True)]
)
def test_a_weak_secret_key_is_detected(settings, key, is_well):
    settings.SECRET_KEY = key

    assert (machine.check_secret_key().state == State.OK) is is_well


@pytest.mark.parametrize(("is_local", "state"), [(True, State.WARN), (False, State.FAIL)])
def test_debug_on_a_public_site_is_a_failure(settings, is_local, state):
    settings.DEBUG, settings.IS_LOCAL = True, is_local

    assert machine.check_debug().state == state


def test_a_check_that_crashes_reports_the_type_but_not_the_message(healthy, monkeypatch):
    def broken():
        raise ValueError("postgresql://user:hidden@host")

    monkeypatch.setattr(machine, "check_disk", broken)
    status, found, _last = run_doctor("--offline")

    assert status == 1
    assert "ValueError" in found["disk"]
    assert "hidden" not in found["disk"]
