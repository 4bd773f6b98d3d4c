"""`manage.py ingest` and `manage.py sync` with unusual folders."""

import hashlib
import io
import os
from contextlib import suppress

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command

from documents.models import Document
from documents.models.document import DocumentQuerySet
from documents.models.version import Version
from documents.sources import folder as folders
from documents.sources import sync

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "outside").mkdir()
    path = tmp_path / "outside" / "secret.txt"
    path.write_text("The word is Xyzzy.")
    return path


def run(command, folder, **options):
    out = io.StringIO()
    try:
        call_command(command, str(folder), stdout=out, **options)
    except CommandError as error:
        out.write(f"failed: {error}")
    return out.getvalue()


def both(folder):
    return run("ingest", folder, no_wait=True) + run("sync", folder)


def contents():
    return sorted(version.file.read().decode() for version in Version.objects.all())


def test_a_link_that_leads_out_of_the_folder_is_named_and_not_followed(folder, secret):
    (folder / "a.txt").symlink_to(secret)
    (folder / "b.txt").symlink_to("../outside/secret.txt")
    (folder / "c").symlink_to(secret.parent)
    (folder / "d.txt").symlink_to(folder / "e.txt")
    (folder / "e.txt").symlink_to(secret)
    said = both(folder)
    assert contents() == ["It rains in Bergen.", "It snows in Tromsø."]
    for name in ("a.txt", "b.txt", "c", "d.txt", "e.txt"):
        assert said.count(f"{name}: skipped, link to a file outside the folder") == 2
    assert "failed:" not in said


def test_a_sibling_folder_with_the_same_prefix_is_outside(folder, tmp_path):
    (tmp_path / "papers of others").mkdir()
    (tmp_path / "papers of others" / "x.txt").write_text("Not yours.")
    (folder / "x.txt").symlink_to(tmp_path / "papers of others" / "x.txt")
    assert folders.files_in(folder).links_out == ["x.txt"]


def test_a_link_within_the_folder_is_read_as_the_file_and_doubles_none(folder):
    (folder / ".store").mkdir()
    (folder / ".store" / "1").write_text("Kept in a hidden place.")
    (folder / "shown.txt").symlink_to(".store/1")
    (folder / "again.txt").symlink_to("rain.txt")
    (folder / "loop").symlink_to(folder)
    (folder / "deeper").symlink_to("deep")
    found = folders.files_in(folder)
    assert found == (["deep/snow.txt", "rain.txt", "shown.txt"], [], [])
    assert "3 added" in run("sync", folder)
    assert "Kept in a hidden place." in contents()


def test_a_folder_that_is_itself_a_link_is_followed_as_named(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert "2 added" in run("sync", tmp_path / "link")


def test_links_that_go_round_are_named(folder):
    (folder / "a.txt").symlink_to("b.txt")
    (folder / "b.txt").symlink_to("a.txt")
    assert [name for name, _why in folders.files_in(folder).unreadable] == ["a.txt", "b.txt"]


def test_a_file_that_becomes_a_link_or_a_pipe_after_it_was_found_is_not_read(folder, secret):
    (folder / "rain.txt").unlink()
    (folder / "rain.txt").symlink_to(secret)
    (folder / "deep" / "snow.txt").unlink()
    os.mkfifo(folder / "deep" / "snow.txt")
    for path, why in (("rain.txt", "outside the folder"), ("deep/snow.txt", "is no longer a file")):
        with pytest.raises(OSError, match=why), folders.opened(folder / path, within=folder):
            raise AssertionError("unreachable")


def test_a_document_of_a_link_that_was_once_followed_is_left_alone(folder, secret):
    (folder / "a.txt").write_text(secret.read_text())
    run("sync", folder)
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to(secret)
    assert "0 deleted" in run("sync", folder, delete=True)
    assert Document.objects.count() == 3


def test_a_name_steers_no_terminal_and_makes_no_second_line(folder):
    (folder / "a\n  0 added\x1b[2Jb\u202etxt.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "new\nline.txt").write_text("A line.")
    said = both(folder)
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert (
        "a\N{REPLACEMENT CHARACTER}  0 added\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}txt.png: "
        in said
    )
    assert Document.objects.get(title="newline").serving is None
    (folder / "new\nline.txt").rename(folder / "other\nline.txt")
    run("sync", folder)
    assert set(Document.objects.values_list("title", flat=True)) == {"rain", "snow", "newline"}


def test_a_moved_file_is_called_by_what_can_be_shown_of_its_name(folder):
    run("sync", folder)
    (folder / "rain.txt").rename(folder / "fine\nweather.txt")
    assert "1 moved" in run("sync", folder)
    assert Document.objects.filter(title="fineweather", path="fine\nweather.txt").exists()


def test_names_that_differ_in_case_only_are_two_files(folder):
    (folder / "RAIN.txt").write_text("It pours in Bergen.")
    assert "3 added" in run("sync", folder)
    assert "3 unchanged" in run("sync", folder)


def test_a_path_that_is_too_long_for_its_row_is_named_and_the_others_are_taken(folder):
    long = folder
    for _ in range(6):
        long = long / ("x" * 200)
    long.mkdir(parents=True)
    (long / "far.txt").write_text("Far away.")
    said = run("sync", folder)
    assert "its path is too long" in said
    assert "2 added" in said


def test_files_that_are_larger_than_the_site_takes_are_named(folder, settings):
    settings.MAX_UPLOAD_MB = 1
    (folder / "long.txt").write_text("It rains. " * 120_000)
    said = both(folder)
    assert said.count("long.txt: This file exceeds the size limit of this site.") == 2
    assert Document.objects.count() == 2


@pytest.mark.parametrize("command", ["ingest", "sync"])
def test_a_file_that_goes_after_it_was_listed_is_named(folder, monkeypatch, command):
    real = DocumentQuerySet.add_file

    def taking_the_other_away(*args, **kwargs):
        (folder / "rain.txt").unlink(missing_ok=True)
        return real(*args, **kwargs)

    monkeypatch.setattr(DocumentQuerySet, "add_file", taking_the_other_away)
    said = run(command, folder, **({"no_wait": True} if command == "ingest" else {}))
    assert "rain.txt: No such file or directory" in said
    assert contents() == ["It snows in Tromsø."]


def test_the_stored_file_matches_its_checksum_though_the_file_changes_concurrently(folder, monkeypatch):
    real = DocumentQuerySet.add_file

    def changing(queryset, shelf, upload, **kwargs):
        for path in folder.rglob("*.txt"):
            with path.open("a") as file:
                file.write(" And more.")
        return real(queryset, shelf, upload, **kwargs)

    monkeypatch.setattr(DocumentQuerySet, "add_file", changing)
    both(folder)
    for version in Version.objects.all():
        content = version.file.read()
        assert (version.sha256, version.size) == (hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize("command", ["ingest", "sync"])
def test_an_interrupted_command_leaves_whole_documents_and_can_be_resumed(
    folder, monkeypatch, command, settings
):
    real, calls = FileSystemStorage.save, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(FileSystemStorage, "save", interrupted)
    options = {"no_wait": True} if command == "ingest" else {}
    said = run(command, folder, **options)
    assert "failed: Interrupted. Documents added so far stay" in said
    assert Document.objects.count() == Version.objects.count() == 1
    assert len([path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]) == 1
    run(command, folder, **options)
    assert Document.objects.count() == 2


def test_many_files_are_taken_once_each(folder):
    for number in range(300):
        (folder / f"{number}.txt").write_text(f"It rained on day {number // 2}.")
    assert "152 added" in run("sync", folder)
    assert "302 unchanged" in run("sync", folder)
    with suppress(CommandError):
        assert "already added as" in run("ingest", folder, no_wait=True)
    assert Document.objects.count() == 152


def test_printable_leaves_what_people_write():
    name = "Résumé — 天文台\u3000für 3 €.txt"
    assert folders.printable(name) == name
    assert folders.printable(os.fsdecode(b"caf\xe9\x07")) == "caf\ufffd\ufffd"
    assert Document._meta.get_field("path").max_length == sync.MAX_PATH_LENGTH
