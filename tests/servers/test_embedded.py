"""PostgreSQL and Redis from wheels: found without variables, safe to start twice, and restarted after a kill -9."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from ragsite import embedded
from ragsite.embedded import record
from ragsite.embedded.postgres import buffer_megabytes, memory_megabytes
from ragsite.embedded.server import Answer

ROOT = Path(embedded.__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about root")


@pytest.fixture
def var(tmp_path):
    folder = tmp_path / "var"
    yield folder
    embedded.discard(folder)


@pytest.fixture
def no_redis(monkeypatch):
    monkeypatch.setattr(embedded.redis, "find_redis_server", lambda: None)


def query(urls, statement):
    with psycopg.connect(urls["DATABASE_URL"], autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def postmaster(var):
    return int((embedded.Postgres(var).data / "postmaster.pid").read_text().split()[0])


def test_nothing_is_known_of_a_folder_where_nothing_was_started(tmp_path):
    assert embedded.known_urls(tmp_path) == {}


def test_a_damaged_record_is_as_good_as_none(tmp_path):
    (tmp_path / record.RECORD).write_text('{"DATABASE_URL": ')

    assert embedded.known_urls(tmp_path) == {}


def test_settings_can_ask_for_the_addresses_without_django():
    code = "import sys, ragsite.embedded; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_started_servers_answer_at_the_addresses_that_are_known(var):
    urls = embedded.start(var)

    assert urls == embedded.known_urls(var)
    assert query(urls, "show server_version")[0][0].startswith("18")
    assert query(urls, "create extension vector") is None
    assert Redis.from_url(urls["REDIS_URL"]).ping()


def test_redis_keeps_every_job_and_throws_nothing_out(var):
    redis = Redis.from_url(embedded.start(var, postgres=False)["REDIS_URL"], decode_responses=True)

    wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": ""}
    assert {name: redis.config_get(name)[name] for name in wanted} == wanted


def test_nobody_else_may_enter_the_folders_of_the_sockets(var):
    embedded.start(var, temporary=True)

    for server in (embedded.Postgres(var), embedded.Redis(var)):
        assert server.socket_folder.stat().st_mode & 0o077 == 0


def test_rows_and_jobs_are_there_after_a_kill_9(var):
    urls = embedded.start(var)
    query(urls, "create table kept as select 42 as answer")
    redis = Redis.from_url(urls["REDIS_URL"])
    redis.set("kept", "42")
    time.sleep(1.2)  # everysec
    os.kill(redis.info()["process_id"], signal.SIGKILL)
    os.kill(postmaster(var), signal.SIGKILL)

    assert embedded.start(var) == urls
    assert query(urls, "select answer from kept") == [(42,)]
    assert Redis.from_url(urls["REDIS_URL"]).get("kept") == b"42"


def test_two_starts_at_once_end_with_one_server(var):
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: embedded.start(var), range(2))

    assert first == second
    found = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True).stdout
    assert sum(f"-D {embedded.Postgres(var).data} " in line for line in found.splitlines()) == 1


def test_a_leftover_pid_file_that_names_another_program_does_not_stop_the_start(var):
    embedded.start(var, redis=False, temporary=True)
    embedded.stop(var)
    (embedded.Postgres(var).data / "postmaster.pid").write_text(f"{os.getpid()}\n")

    assert query(embedded.start(var, redis=False, temporary=True), "select 1") == [(1,)]


def test_an_interrupted_first_start_is_repeated(var):
    home = embedded.Postgres(var).home
    (home / "data.new").mkdir(parents=True)
    (home / "data.new" / "PG_VERSION").write_text("18\n")

    assert query(embedded.start(var, redis=False, temporary=True), "select 1") == [(1,)]


def test_data_of_another_postgresql_is_refused_in_plain_words(var):
    embedded.start(var, redis=False, temporary=True)
    embedded.stop(var)
    version = embedded.Postgres(var).data / "PG_VERSION"
    version.write_text("16\n")

    with pytest.raises(
        embedded.CannotStart, match="created by PostgreSQL 16, but this version of ragsite includes 18"
    ):
        embedded.start(var, redis=False, temporary=True)


def test_a_long_path_gets_a_short_socket(tmp_path):
    var = tmp_path / ("deep" * 20) / "var"
    try:
        urls = embedded.start(var, temporary=True)
        assert len(str(embedded.Redis(var).socket_folder / "redis.sock")) < 100
        assert Redis.from_url(urls["REDIS_URL"]).ping()
        assert query(urls, "select 1") == [(1,)]
    finally:
        embedded.discard(var)


def test_a_server_with_connected_clients_keeps_running(var):
    urls = embedded.start(var, temporary=True)
    with psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert embedded.stop_unless_used(var) == ["PostgreSQL"]
        assert connection.execute("select 1").fetchone() == (1,)

    assert embedded.stop_unless_used(var) == []
    with pytest.raises(psycopg.OperationalError):
        query(urls, "select 1")


def test_without_any_redis_the_sentence_says_what_to_install(var, no_redis):
    with pytest.raises(embedded.CannotStart, match="Install redis-server, or set REDIS_URL"):
        embedded.start(var, postgres=False)


def test_a_temporary_server_ends_with_the_process_that_started_it(var):
    code = (
        "import sys; from pathlib import Path; from ragsite import embedded;"
        "embedded.start(Path(sys.argv[1]), temporary=True); print('started', flush=True); sys.stdin.read()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(var)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert starter.stdout.readline() == b"started\n"
    starter.kill()
    starter.communicate()

    servers = [embedded.Postgres(var), embedded.Redis(var)]
    deadline = time.monotonic() + 30
    while any(server._ask() is not Answer.NOBODY for server in servers):
        assert time.monotonic() < deadline, "a server outlived its starter"
        time.sleep(0.1)


@as_root
def test_under_root_the_database_runs_as_another_user_although_the_folder_is_closed(var):
    var.parent.chmod(0o700)

    urls = embedded.start(var, redis=False, temporary=True)

    assert Path(f"/proc/{postmaster(var)}").stat().st_uid != 0
    assert query(urls, "select 1") == [(1,)]


@as_root
def test_under_root_a_moved_folder_finds_its_data_again(var, tmp_path):
    query(embedded.start(var, redis=False, temporary=True), "create table kept as select 42 as answer")
    embedded.stop(var)
    moved = var.rename(tmp_path / "moved")
    try:
        assert query(embedded.start(moved, redis=False, temporary=True), "select answer from kept") == [(42,)]
        assert json.loads((moved / record.RECORD).read_text())["var"] == str(moved)
    finally:
        embedded.discard(moved)


@as_root
def test_under_root_a_copied_folder_gets_its_own_database(var, tmp_path):
    first = embedded.start(var, redis=False, temporary=True)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / record.RECORD).write_bytes((var / record.RECORD).read_bytes())
    try:
        assert embedded.start(copy, redis=False, temporary=True)["DATABASE_URL"] != first["DATABASE_URL"]
    finally:
        embedded.discard(copy)


def test_the_database_takes_a_sixteenth_of_the_memory_within_bounds(tmp_path):
    assert [buffer_megabytes(memory) for memory in (500, 8_192, 65_536)] == [64, 512, 1024]
    limit = tmp_path / "memory.max"
    limit.write_text(f"{256 * 2**20}\n")
    assert memory_megabytes([limit]) == 256
    limit.write_text("max\n")
    assert memory_megabytes([limit]) == memory_megabytes([])
