"""The commands in the documentation work, in the order in which they are read."""

import builtins
import code
import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.commands.shell import Command as Shell

from documents.management import adding
from tests.support.factories import make_user

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MANAGE = re.compile(
    r"(?:\.venv/bin/)?(?:python )?manage\.py (\w+)((?: (?:\"[^\"]*\"|'[^']*'|[^\s`|)#;,\"']+))*)"
)
TESTS = re.compile(r"bin/test((?: (?:-k (?:\"[^\"]+\"|\w+)|tests/[\w./]+))+)")
PYTEST_NAMES = re.compile(r"def (test_\w+)")


def words(text):
    """Without the figures that differ from one run to the next, and the place at which a line was broken."""
    return " ".join(re.sub(r"-?\d+(?:[.,]\d+)*(?:e-?\d+)?", "N", text).split())


def examples(page):
    """(what is typed, what is shown) of each indented block, in order."""
    typed, shown = "", []
    for line in [*page.read_text().splitlines(), ""]:
        start = re.match(r"    (?:\$ |>>> )", line)
        if start or not line.startswith("    "):
            if typed:
                yield typed, "\n".join(shown)
            typed, shown = (line[4:], []) if start else ("", [])
        elif typed:
            shown.append(line[4:])


def named_models():
    with redirect_stdout(io.StringIO()):
        return Shell().get_namespace(verbosity=0)


@pytest.mark.django_db(transaction=True, reset_sequences=True)  # the numbers that the page names
def test_the_page_on_the_console_can_be_typed_from_top_to_end(settings, monkeypatch, capsys, work):
    """As after `bin/dev`: a first account, the sample, and what the page itself adds."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(builtins, "input", lambda prompt="": print(prompt) or "n")
    monkeypatch.setattr(
        adding.time, "sleep", lambda seconds: work()
    )  # what a worker beside it does meanwhile
    call_command("load_sample")
    make_user("ada", is_staff=True, is_superuser=True)
    sample = named_models()["Document"].objects.get()
    sample.index()
    console = code.InteractiveConsole(named_models())
    played = []
    for typed, shown in examples(ROOT / "docs" / "console.md"):
        if typed.startswith(">>> "):
            console.push(typed[4:])
        elif (
            (command := MANAGE.search(typed))
            and command[1] not in ("shell",)
            and "text-embedding" not in typed
        ):
            try:
                call_command(command[1], *shlex.split(command[2]))
            except CommandError as error:
                print(f"CommandError: {error}")
        else:
            continue
        told = capsys.readouterr()
        assert "Traceback" not in told.err, (typed, told.err)
        if "id}" not in typed and "timings" not in typed:
            assert words(told.out) == words(shown), typed
        played.append(typed)
    assert len(played) > 15


def typed_commands():
    for page in PAGES:
        for match in MANAGE.finditer(page.read_text().replace("python manage.py\n", "python manage.py ")):
            yield page.name, match[1], match[2]


@pytest.mark.parametrize(("page", "name", "arguments"), sorted(set(typed_commands())))
def test_every_command_that_is_named_exists_with_its_options(page, name, arguments):
    app = get_commands()[name]
    command = app if not isinstance(app, str) else load_command_class(app, name)
    parser = command.create_parser("manage.py", name)
    known = {option for action in parser._actions for option in action.option_strings}
    given = [word.partition("=")[0] for word in shlex.split(arguments) if word.startswith("--")]
    assert [option for option in given if option not in known] == [], page


def typed_tests():
    for page in PAGES:
        for match in TESTS.finditer(" ".join(page.read_text().split())):
            yield page.name, match[1].strip()


@pytest.mark.parametrize(("page", "arguments"), sorted(set(typed_tests())))
def test_every_test_that_is_named_exists(page, arguments):
    names = [
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in PYTEST_NAMES.findall(path.read_text())
    ]
    parts = shlex.split(arguments)
    for path in (part for part in parts if part.startswith("tests/")):
        assert (ROOT / path.rstrip(".`")).exists(), page
    for keywords in (parts[at + 1] for at, part in enumerate(parts) if part == "-k"):
        for keyword in keywords.split(" or "):
            assert any(keyword in name for name in names), (page, keyword)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page):
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), target


OUR_PATH = re.compile(r"`((?:documents|qa|ragsite|bin|tests|templates)/[\w./-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_folder_that_a_page_names_is_there(page):
    named = OUR_PATH.findall(page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []
