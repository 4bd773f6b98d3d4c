"""Run pytest on temporary PostgreSQL and Redis servers."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

import _setup
from _leftovers import adopt_orphans, children, end_with_parent, kill_leftovers

sys.path.insert(0, str(_setup.ROOT))
from ragsite import embedded

# More than the cores, since many tests wait for a browser, a server or a time-out; Redis has databases for eight.
PROCESSES = min((os.cpu_count() or 1) + 3, 8)
PARALLEL = ["-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Tests start many processes. Without cached bytecode each would compile the site again.
DISCARDS_BYTECODE = "PYTHONDONTWRITEBYTECODE"

SHUTDOWN_SECONDS = 10  # for pytest to tear down its fixtures


class Terminated(BaseException):
    """The process received a signal to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str]) -> int:
    if not has_browser():
        print(
            "Chromium was not found; skipping the browser tests. (Debian: apt-get install chromium)",
            flush=True,
        )
    with tempfile.TemporaryDirectory(prefix="ragsite-test-") as folder:
        var = Path(folder)
        try:
            urls = start_servers(var)
            return run_pytest(arguments, environment(var, urls))
        except embedded.CannotStart as problem:
            _setup.show_failure(str(problem), problem.log)
        finally:
            embedded.discard(var)


def run_pytest(arguments: list[str], env: dict[str, str]) -> int:
    """Run pytest and return its exit code. A signal to end also ends pytest and all its descendants."""
    adopt_orphans()
    servers = children()
    pytest = subprocess.Popen(
        command(arguments),
        cwd=_setup.ROOT,
        env=env,
        preexec_fn=partial(end_with_parent, signal.SIGINT),  # noqa: PLW1509 - no threads here
    )

    def end(number: int, frame: object) -> None:
        raise Terminated(number)

    signal.signal(
        signal.SIGINT, lambda *_: None
    )  # Ctrl-C reaches pytest too, which then tears down its fixtures
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    try:
        return pytest.wait()
    except Terminated as signalled:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        pytest.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            pytest.wait(SHUTDOWN_SECONDS)
        pytest.kill()
        pytest.wait()
        return 128 + signalled.number
    finally:
        kill_leftovers(but=servers)


def command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", *(arguments or PARALLEL)]


def start_servers(var: Path) -> dict[str, str]:
    """Start a separate Redis if one is installed, and PostgreSQL unless DATABASE_URL is set."""
    with_redis = embedded.find_redis_server() is not None
    with_postgres = not os.environ.get("DATABASE_URL")
    return embedded.start(var, postgres=with_postgres, redis=with_redis, temporary=True)


def environment(var: Path, urls: dict[str, str]) -> dict[str, str]:
    path = os.pathsep.join([str(_setup.VENV / "bin"), os.environ.get("PATH", os.defpath)])
    own = {"PATH": path, "RAGSITE_VAR": str(var), "SECRET_KEY": secrets.token_urlsafe(50), "DEBUG": "False"}
    # One BLAS thread: with more, it competes with browser and workers on two cores.
    inherited = {name: value for name, value in os.environ.items() if name != DISCARDS_BYTECODE}
    return inherited | own | urls | {"OPENBLAS_NUM_THREADS": "1"}


def has_browser() -> bool:
    return any(map(shutil.which, BROWSERS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
