"""Runs pytest with coverage on servers that live in a temporary folder and end with it."""

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

ALL_AT_ONCE = [
    "-n",
    "2",
    "--dist",
    "loadfile",
    "--no-loadscope-reorder",
]  # what waits for a browser in one leaves the other a core
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


PATIENCE = 10  # seconds that pytest has to end its fixtures


class ToldToEnd(BaseException):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str]) -> int:
    if not has_browser():
        print(
            "No Chromium is found: the browser tests are left out. (Debian: apt-get install chromium)",
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
    """Its exit code. Told to end, it ends pytest, and all that pytest has started, before it ends itself."""
    adopt_orphans()
    servers = children()
    pytest = subprocess.Popen(
        command(arguments),
        cwd=_setup.ROOT,
        env=env,
        preexec_fn=partial(end_with_parent, signal.SIGINT),  # noqa: PLW1509 - no threads here
    )

    def end(number: int, frame: object) -> None:
        raise ToldToEnd(number)

    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for pytest, which then ends in good order
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    try:
        return pytest.wait()
    except ToldToEnd as told:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        pytest.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            pytest.wait(PATIENCE)
        pytest.kill()
        pytest.wait()
        return 128 + told.number
    finally:
        kill_leftovers(but=servers)


def command(arguments: list[str]) -> list[str]:
    # The option stands last: it would take a path that follows it for the code to be covered, and all tests would run.
    return [sys.executable, "-m", "pytest", *(arguments or ALL_AT_ONCE), "--cov"]


def start_servers(var: Path) -> dict[str, str]:
    """A Redis of the tests' own wherever there is one to start; PostgreSQL unless DATABASE_URL names another."""
    with_redis = embedded.find_redis_server() is not None
    with_postgres = not os.environ.get("DATABASE_URL")
    return embedded.start(var, postgres=with_postgres, redis=with_redis, temporary=True)


def environment(var: Path, urls: dict[str, str]) -> dict[str, str]:
    path = os.pathsep.join([str(_setup.VENV / "bin"), os.environ.get("PATH", os.defpath)])
    own = {"PATH": path, "RAGSITE_VAR": str(var), "SECRET_KEY": secrets.token_urlsafe(50), "DEBUG": "False"}
    # One thread: on two cores BLAS would fight with the browser and the workers.
    return os.environ | own | urls | {"OPENBLAS_NUM_THREADS": "1"}


def has_browser() -> bool:
    return any(map(shutil.which, BROWSERS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
