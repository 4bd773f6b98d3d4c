"""An unreadable .env file is reported in a sentence, and only where it matters."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragsite.configuration.environment import read_env_file
from ragsite.operations.doctor import State, machine

ROOT = Path(__file__).parent.parent
NOBODY = 65534

# As a user who may not read the file; the tests themselves may run as root, who may read everything.
WITHOUT_RIGHT = """
import dotenv, runpy, sys
def refuse(path):
    raise PermissionError(13, "Permission denied", str(path))
dotenv.load_dotenv = refuse
sys.argv = ["manage.py", "check"]
runpy.run_path("manage.py", run_name="__main__")
"""


@contextmanager
def plain_user():
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def closed_file():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / ".env"
        file.write_text("CHAT_MODEL=mine\n")
        file.chmod(0)
        yield file


def run(**changes):
    env = {name: value for name, value in (os.environ | changes).items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_RIGHT], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_a_file_that_may_not_be_read_is_a_sentence(closed_file):
    with plain_user():
        said = read_env_file(closed_file)
    assert said.startswith(f"{closed_file} cannot be read (Permission denied)")


@pytest.mark.parametrize("content", [b"CHAT_MODEL=\xff\xfe\x00", "NAME=w\u00e4rme".encode("latin-1")])
def test_a_file_that_is_no_text_is_a_sentence(tmp_path, content):
    (tmp_path / ".env").write_bytes(content)
    assert "not valid UTF-8" in read_env_file(tmp_path / ".env")


def test_a_file_that_is_not_there_is_no_fault(tmp_path):
    assert read_env_file(tmp_path / ".env") == ""
    (tmp_path / "folder").mkdir()
    assert read_env_file(tmp_path / "folder") == ""


def test_the_site_runs_where_every_variable_is_in_the_environment():
    done = run()
    assert done.returncode == 0, done.stderr
    assert "cannot be read" not in done.stdout + done.stderr


def test_where_a_variable_is_missing_the_file_is_named_without_a_traceback():
    done = run(SECRET_KEY=None)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].endswith(
        ".env cannot be read (Permission denied). Only environment variables are used."
    )
    assert "SECRET_KEY is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_names_it(settings):
    settings.ENV_FILE_PROBLEM = "/srv/.env cannot be read (Permission denied)."
    assert machine.check_permissions().state == State.WARN


@pytest.fixture
def set_up(closed_file, monkeypatch):
    spec = importlib.util.spec_from_file_location("_setup", ROOT / "bin" / "_setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", closed_file.parent)
    return module


def test_setting_up_goes_by_the_environment_where_the_file_may_not_be_read(set_up, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "from the environment")
    monkeypatch.delenv("CHAT_MODEL", raising=False)
    with plain_user():
        assert set_up.setting("SECRET_KEY") == "from the environment"
        assert set_up.setting("CHAT_MODEL") == ""
        set_up.write_secret_key()


def test_setting_up_without_a_key_says_which_file_may_not_be_read(set_up, monkeypatch, capsys):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    with plain_user(), pytest.raises(SystemExit) as end:
        set_up.write_secret_key()
    assert end.value.code == 1
    assert ".env is not readable and writable for this user" in capsys.readouterr().err
