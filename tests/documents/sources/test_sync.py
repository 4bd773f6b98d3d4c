"""manage.py sync: documents that follow a folder."""

import hashlib
import io
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from documents.extraction import UnreadableFile
from documents.models import Collection, Document, State
from documents.models.collection import Membership, Role
from documents.sources import sync as syncing
from documents.sources.folder import files_in
from tests.support.factories import make_document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(folder):
    (folder / ".git").mkdir()
    (folder / ".git" / "config.txt").write_text("hidden")
    return folder


def sync(folder, **options):
    out = io.StringIO()
    try:
        call_command("sync", str(folder), stdout=out, **options)
    except CommandError as error:
        out.write(f"failed: {error}")
    return out.getvalue()


def paths():
    return {document.path: document for document in Document.objects.all()}


def test_the_first_time_everything_is_new_and_the_second_time_nothing(folder):
    assert "2 added, 0 replaced, 0 moved, 0 missing, 0 unchanged, 0 skipped." in sync(folder)
    assert set(paths()) == {"rain.txt", "deep/snow.txt"}
    assert "0 added, 0 replaced, 0 moved, 0 missing, 2 unchanged, 0 skipped." in sync(folder)
    assert Document.objects.count() == 2


def test_a_changed_file_replaces_its_documents_content(folder, work):
    sync(folder)
    work()
    before = paths()["rain.txt"]
    (folder / "rain.txt").write_text("It is dry in Bergen.")
    assert "rain.txt: changed" in sync(folder)
    work()
    after = paths()["rain.txt"]
    assert (after.pk, after.serving.text, after.state) == (before.pk, "It is dry in Bergen.", State.READY)


def test_a_vanished_file_is_told_and_its_document_deleted_only_when_asked_to(folder):
    sync(folder)
    (folder / "rain.txt").unlink()
    said = sync(folder)
    assert "rain.txt: missing" in said
    assert "use --delete to delete them" in said
    assert Document.objects.count() == 2
    assert "1 deleted" in sync(folder, delete=True)
    assert set(paths()) == {"deep/snow.txt"}


def test_a_dry_run_promises_what_the_run_then_does(folder, settings):
    settings.MAX_UPLOAD_MB = 1
    sync(folder)
    (folder / "rain.txt").write_bytes(bytes(range(256)))  # changed into what is no text
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "letter.docx").write_text("no Word file")
    (folder / "empty.md").write_text(" \n")
    (folder / "large.txt").write_text("word " * 400_000)
    (folder / "one.md").write_text("The same.")
    (folder / "two.md").write_text("The same.")
    promised, done = sync(folder, dry_run=True), sync(folder)
    assert (
        "1 would be added, 0 would be replaced, 0 would be moved, 0 missing, 2 unchanged, 5 skipped"
        in promised
    )
    assert "1 added, 0 replaced, 0 moved, 0 missing, 2 unchanged, 5 skipped" in done
    refusals = [line for line in done.splitlines() if line.startswith("  ") and ". " in line]
    assert len(refusals) == 5
    assert all(line in promised for line in refusals)


def test_a_dry_run_finds_contents_that_are_there_already_as_the_run_does(folder, operator):
    (folder / "sun.txt").write_text("Sun.")
    (folder / "fog.txt").write_text("Fog.")
    sync(folder)
    make_document(operator, "Added by hand.", "hand.txt")
    (folder / "rain.txt").write_text("Added by hand.")
    (folder / "sun.txt").write_text("Hail.")
    (folder / "fog.txt").write_text("Hail.")
    (folder / "hail.txt").write_text("Hail.")
    promised, done = sync(folder, dry_run=True), sync(folder)
    assert "0 would be added, 1 would be replaced, 0 would be moved, 0 missing" in promised
    assert "0 added, 1 replaced, 0 moved, 0 missing" in done
    assert promised.splitlines()[-1] == done.splitlines()[-1]


def test_a_dry_run_tells_all_and_does_nothing(folder):
    sync(folder)
    (folder / "rain.txt").unlink()
    (folder / "deep" / "snow.txt").write_text("It thaws.")
    (folder / "new.txt").write_text("New.")
    before = list(Document.objects.values("pk", "sha256", "path"))
    said = sync(folder, delete=True, dry_run=True)
    assert "1 would be added, 1 would be replaced, 0 would be moved, 1 would be deleted" in said
    assert list(Document.objects.values("pk", "sha256", "path")) == before


def test_renamed_and_exchanged_files_keep_their_documents(folder, work):
    sync(folder)
    work()
    before = {document.sha256: document.pk for document in Document.objects.all()}
    rain, snow = folder / "rain.txt", folder / "deep" / "snow.txt"
    rain.rename(folder / "x")
    snow.rename(rain)
    (folder / "x").rename(folder / "deep" / "weather report.txt")
    assert "2 moved" in sync(folder, delete=True)
    assert {document.sha256: document.pk for document in Document.objects.all()} == before
    assert {document.path: document.title for document in Document.objects.all()} == {
        "rain.txt": "rain",
        "deep/weather report.txt": "weather report",
    }


def test_a_renamed_file_changes_no_title_that_a_person_or_a_mail_gave(folder, work):
    (folder / "a.eml").write_text("Subject: Budget\n\nThe budget is 21 euros.\n")
    sync(folder)
    work()
    paths()["rain.txt"].rename("Weather in Bergen")
    for name in ("rain.txt", "a.eml"):
        (folder / name).rename(folder / f"new-{name}")
    (folder / "deep" / "snow.txt").rename(folder / "hail.txt")
    sync(folder)
    titles = {path: document.title for path, document in paths().items()}
    assert titles == {"new-rain.txt": "Weather in Bergen", "new-a.eml": "Budget", "hail.txt": "hail"}


def test_what_cannot_be_taken_is_named_and_makes_the_command_fail(folder):
    (folder / "pixel.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    said = sync(folder)
    assert "2 added" in said
    assert "pixel.png:" in said
    assert "failed: 1 file could not be added." in said


def test_what_a_person_added_by_hand_is_never_deleted(folder, operator):
    make_document(operator, "It rains in Bergen.", name="by hand.txt")
    assert "already added as 'by hand'" in sync(folder)
    (folder / "rain.txt").unlink()
    sync(folder, delete=True)
    assert Document.objects.filter(title="by hand").exists()


def test_two_folders_do_not_touch_each_other(folder, tmp_path):
    sync(folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "rain.txt").write_text("Another rain.")
    assert "1 added" in sync(other, delete=True)
    assert Document.objects.count() == 3


def test_a_folder_that_moves_is_known_by_its_name(folder, tmp_path):
    sync(folder, name="papers")
    moved = folder.rename(tmp_path / "elsewhere")
    assert "2 unchanged" in sync(moved, name="papers", delete=True)


def test_an_empty_folder_deletes_nothing(folder, tmp_path):
    sync(folder, name="papers")
    (tmp_path / "empty").mkdir()
    assert "nothing was deleted" in sync(tmp_path / "empty", name="papers", delete=True)
    assert Document.objects.count() == 2


def test_copies_within_a_folder_are_one_document(folder):
    (folder / "copy.txt").write_text("It rains in Bergen.")
    assert "2 added" in sync(folder)
    assert "3 unchanged" in sync(folder)
    (folder / "copy.txt").unlink()
    assert "1 moved, 0 deleted, 1 unchanged" in sync(folder, delete=True)
    assert set(paths()) == {"rain.txt", "deep/snow.txt"}


def test_a_folder_is_synced_into_a_collection_the_person_may_edit(folder, alice):
    shared = Collection.objects.create(name="Shared")
    Membership.objects.create(collection=shared, user=alice, role=Role.EDITOR)
    assert "2 added" in sync(folder, user="alice", collection="Shared")
    assert shared.documents.count() == 2
    assert "may not add" in sync(folder, user="alice", collection="Other")


def test_a_folder_that_is_not_there_is_said(operator, tmp_path):
    assert "is not a folder" in sync(tmp_path / "nowhere")


def test_documents_of_a_folder_that_cannot_be_read_have_not_vanished(folder, monkeypatch):
    sync(folder)
    real = os.scandir

    def refusing(path="."):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)  # who runs the tests may be root, who may read all
    said = sync(folder, delete=True)
    assert "0 deleted, 1 unchanged, 1 skipped" in said
    assert "deep: Permission denied" in said
    assert "failed: 1 file could not be added." in said
    assert set(paths()) == {"rain.txt", "deep/snow.txt"}


def test_a_folder_that_cannot_be_read_at_all_deletes_nothing(folder, monkeypatch):
    sync(folder)

    def refusing(path="."):
        raise OSError(5, "Input/output error", path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert "failed: 1 file could not be added." in sync(folder, delete=True)
    assert Document.objects.count() == 2


def test_a_pipe_in_a_folder_is_passed_over(folder):
    os.mkfifo(folder / "pipe")
    assert files_in(folder) == (["deep/snow.txt", "rain.txt"], [], [])
    with pytest.raises(CommandError, match="neither a file nor a folder"):
        call_command("ingest", str(folder / "pipe"), no_wait=True)


def test_a_file_name_that_is_not_utf_8_is_told_and_the_others_are_taken(folder):
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.txt")).write_text("Coffee.")
    for dry_run, told in ((True, "2 would be added"), (False, "2 added")):
        said = sync(folder, dry_run=dry_run)
        assert told in said
        assert "1 skipped" in said
        assert "caf\N{REPLACEMENT CHARACTER}.txt: its name is not UTF-8" in said
        assert "failed: 1 file could not be added." in said


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.txt")
        if ".git" not in path.parts
    }


def test_contents_that_went_round_leave_each_file_one_document(folder):
    sync(folder)
    before = {document.pk for document in Document.objects.all()}
    (folder / "rain.txt").write_text((folder / "deep" / "snow.txt").read_text())
    (folder / "deep" / "snow.txt").write_text("It thaws in Tromsø.")
    assert "0 added, 1 replaced, 1 moved, 0 missing" in sync(folder)
    assert {document.path: document.sha256 for document in Document.objects.all()} == contents(folder)
    assert {document.pk for document in Document.objects.all()} == before
    assert "0 added, 0 replaced, 0 moved, 0 missing, 2 unchanged" in sync(folder)


def test_contents_that_went_round_among_many_files_leave_each_one_document(folder):
    (folder / "fog.txt").write_text("It is foggy in Bodø.")
    sync(folder)
    rain, snow, fog = folder / "rain.txt", folder / "deep" / "snow.txt", folder / "fog.txt"
    for taker, giver in ((rain, snow), (snow, fog)):
        taker.write_text(giver.read_text())
    fog.write_text("It clears in Bodø.")
    assert "0 added, 1 replaced, 2 moved, 0 missing" in sync(folder)
    assert {document.path: document.sha256 for document in Document.objects.all()} == contents(folder)
    assert "3 unchanged" in sync(folder)


def test_a_file_put_over_another_leaves_no_two_documents_at_its_path(folder):
    sync(folder)
    (folder / "deep" / "snow.txt").rename(folder / "rain.txt")
    said = sync(folder)
    assert "1 moved, 1 missing" in said
    assert "deep/snow.txt: missing" in said
    assert set(paths()) == {"rain.txt", "deep/snow.txt"}
    assert "1 deleted, 1 unchanged" in sync(folder, delete=True)
    assert {document.path: document.sha256 for document in Document.objects.all()} == contents(folder)


def test_two_syncs_at_once_do_not_take_the_document_for_another(folder):
    sync(folder)
    document = paths()["rain.txt"]
    (folder / "rain.txt").write_text("It is dry in Bergen.")
    name = document.synced_from
    first, second = (syncing.compare(folder, document.collection, name) for _ in range(2))
    syncing.replace(folder, *first.changed[0])
    syncing.replace(folder, *second.changed[0])
    assert document.versions.count() == 2
    with pytest.raises(UnreadableFile):  # what another document holds is still refused
        syncing.replace(folder, "deep/snow.txt", document)


def test_of_two_documents_at_one_path_the_one_without_a_file_takes_a_new_file(folder):
    sync(folder)
    rain, snow = paths()["rain.txt"], paths()["deep/snow.txt"]
    Document.objects.filter(pk=rain.pk).update(path="deep/snow.txt")
    (folder / "rain.txt").write_text("It is dry in Bergen.")
    assert "0 added, 1 replaced, 0 moved, 0 missing, 1 unchanged" in sync(folder)
    assert {path: document.pk for path, document in paths().items()} == {
        "rain.txt": rain.pk,
        "deep/snow.txt": snow.pk,
    }
    assert {document.path: document.sha256 for document in Document.objects.all()} == contents(folder)


def test_a_new_file_with_a_content_added_by_hand_is_left_to_that_document(folder, operator):
    sync(folder)
    make_document(operator, "It hails.", name="by hand.txt")
    (folder / "rain.txt").write_text((folder / "deep" / "snow.txt").read_text())
    (folder / "hail.txt").write_text("It hails.")
    said = sync(folder)
    assert "already added as 'by hand'" in said
    assert "0 skipped" in said


def test_ingest_names_what_it_cannot_open_and_takes_the_rest(folder):
    (folder / "nowhere.txt").symlink_to(folder / "not there")
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.odd"))
    odd.write_bytes(bytes(20))
    out = io.StringIO()
    with pytest.raises(CommandError, match="2 failed"):
        call_command("ingest", str(folder), no_wait=True, stdout=out)
    assert "nowhere.txt: No such file or directory" in out.getvalue()
    assert "caf\N{REPLACEMENT CHARACTER}.odd: " in out.getvalue()
    assert Document.objects.count() == 2
