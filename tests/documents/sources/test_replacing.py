"""Replacing and deleting: concurrently, with a failing storage, and while an answer cites the document."""

import os
import threading
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.urls import reverse
from django.utils import timezone

from documents.models import Chunk, Collection, Document, Page, Posting, Task, Version
from documents.models.document import DuplicateContent
from documents.work import housekeeping
from qa import answering
from qa.models import Question
from tests.support.factories import make_document, make_indexed

pytestmark = pytest.mark.django_db(transaction=True)
STORED_IN_A_TRANSACTION: list[bool] = []


class WatchingStorage(FileSystemStorage):
    """Notes whether a transaction was open while it was busy."""

    def _save(self, name, content):
        STORED_IN_A_TRANSACTION.append(connection.in_atomic_block)
        return super()._save(name, content)


class FailingStorage(FileSystemStorage):
    def _save(self, name, content):
        raise OSError("the storage is away")


class UnlistedStorage(FileSystemStorage):
    def listdir(self, path):
        raise NotImplementedError


def stored_files(settings):
    return [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]


def use_storage(settings, name):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.{name}"}}


def together(*verbs):
    """Run these at once, each with a connection of its own; returns what each raised."""
    raised = [None] * len(verbs)

    def run(place, verb):
        try:
            verb()
        except Exception as error:
            raised[place] = type(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(verbs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return raised


class MeetingFile(ContentFile):
    """Waits, when it is stored, until all the others are being stored too."""

    def __init__(self, content, name, meeting):
        super().__init__(content, name)
        self.meeting, self.read_before = meeting, False

    def chunks(self, *args):
        if self.read_before:
            self.meeting.wait(10)
        self.read_before = True
        return super().chunks(*args)


def test_two_documents_replaced_concurrently_by_the_same_content_do_not_become_duplicates(alice, settings):
    one, other = make_document(alice, "one"), make_document(alice, "other", name="other.txt")
    meeting = threading.Barrier(2)
    files = [MeetingFile(b"It rains in Bergen.", "rain.txt", meeting) for _ in range(2)]
    raised = together(lambda: one.replace(files[0]), lambda: other.replace(files[1]))

    assert sorted(raised, key=str) == [DuplicateContent, None]
    assert Version.objects.count() == 3
    assert len(stored_files(settings)) == 3


def test_one_document_replaced_twice_at_once_has_both_contents(alice):
    document = make_document(alice, "one")
    meeting = threading.Barrier(2)
    files = [MeetingFile(text, "rain.txt", meeting) for text in (b"It rains.", b"It snows.")]
    again = Document.objects.get(pk=document.pk)

    assert together(lambda: document.replace(files[0]), lambda: again.replace(files[1])) == [None, None]
    document.refresh_from_db()
    assert [version.number for version in document.versions.all()] == [3, 2, 1]
    assert document.sha256 == document.newest.sha256


def test_no_transaction_waits_for_the_storage(alice, settings):
    use_storage(settings, "WatchingStorage")
    STORED_IN_A_TRANSACTION.clear()
    make_document(alice, "one").replace(ContentFile(b"another", name="rain.txt"))
    assert STORED_IN_A_TRANSACTION == [False, False]


def test_a_storage_that_fails_leaves_no_rows(alice, settings):
    use_storage(settings, "FailingStorage")
    with pytest.raises(OSError, match="away"):
        make_document(alice, "one")
    assert (Document.objects.count(), Version.objects.count(), Task.objects.count()) == (0, 0, 0)


def test_rows_that_fail_leave_no_file(alice, settings, monkeypatch):
    def fail(*args):
        raise RuntimeError

    monkeypatch.setattr(Version.objects, "add", fail)
    with pytest.raises(RuntimeError):
        make_document(alice, "one")
    assert stored_files(settings) == []


def test_deleting_takes_everything_with_it_at_once(client, alice, settings, work):
    document = make_indexed(
        alice, "The zyxomma rains in Bergen nearly every day, and people carry umbrellas there."
    )
    document.replace(
        ContentFile(
            b"The zyxomma snows in Bergen nearly every day, and people carry shovels there.", name="snow.txt"
        )
    )
    work()
    before = answering.ask("What do people carry in Bergen?", user=alice)
    assert "zyxomma" in "".join(kept_in_cache())
    client.force_login(alice)
    client.post(reverse("documents:delete", args=[document.pk]))
    after = answering.ask("What do people carry in Bergen?", user=alice)

    assert [model.objects.count() for model in (Document, Version, Page, Chunk, Posting, Task)] == [0] * 6
    assert stored_files(settings) == []
    assert "zyxomma" not in "".join(kept_in_cache())
    assert "shovels" in before.answer
    assert "shovels" not in after.answer
    assert not after.citations.exists()
    assert Question.objects.get(pk=before.pk).citations.first().excerpt, "an answer keeps the words it quoted"


def kept_in_cache():
    redis = cache._cache.get_client(None, write=True)
    for key in redis.scan_iter():
        yield str(redis.get(key) if redis.type(key) == b"string" else redis.smembers(key))


def test_an_old_answer_says_that_its_source_was_replaced(client, alice, work):
    document = make_indexed(alice, "In Bergen people carry umbrellas nearly every day of the year.")
    question = answering.ask("What do people carry in Bergen?", user=alice)
    client.force_login(alice)
    page = question.conversation.get_absolute_url()
    assert "has since been replaced" not in client.get(page).text

    document.replace(
        ContentFile(b"In Bergen people carry shovels nearly every day of the year.", name="snow.txt")
    )
    assert "has since been replaced" not in client.get(page).text, "not before the new one answers"
    work()
    said = client.get(page).text
    assert "This document has since been replaced." in said
    assert "umbrellas" in said
    citation = client.get(reverse("qa:citation", args=[question.citations.first().pk])).text
    assert "umbrellas" in citation
    assert "has since been replaced" in citation


def test_files_that_nothing_names_are_swept_once_they_are_old(alice, settings):
    document = make_document(alice, "one")
    kept = stored_files(settings)[0]
    now = timezone.now()
    folder = f"{now.hour:02x}"
    orphan, young, foreign = (
        settings.MEDIA_ROOT / folder / name for name in (folder + "a" * 30, folder + "b" * 30, "notes.txt")
    )
    for path in (orphan, young, foreign):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    old = time.time() - timedelta(days=2).total_seconds()
    for path in (orphan, foreign, kept):
        os.utime(path, (old, old))
    swept = [housekeeping.sweep_files(now.replace(hour=hour)) for hour in range(24)]
    assert sum(swept) == 1
    assert [path.exists() for path in (orphan, young, foreign, kept)] == [False, True, True, True]
    assert document.newest.file.read() == b"one"


def test_a_storage_without_a_list_is_left_alone(settings):
    use_storage(settings, "UnlistedStorage")
    assert housekeeping.sweep_files(timezone.now()) == 0


def test_the_same_file_added_twice_at_once_is_one_document(alice):
    shelf = Collection.objects.private_to(alice)
    meeting = threading.Barrier(2)
    files = [MeetingFile(b"It rains.", "rain.txt", meeting) for _ in range(2)]
    found = []
    raised = together(
        *(
            lambda file=file: found.append(Document.objects.add_file(shelf, file, user=alice))
            for file in files
        )
    )
    assert raised == [None, None]
    assert sorted(is_new for _document, is_new in found) == [False, True]


def test_a_new_content_that_cannot_be_read_can_be_taken_back(client, alice, settings, work):
    document = make_indexed(alice, "In Bergen people carry umbrellas nearly every day of the year.")
    good = document.serving
    client.force_login(alice)
    document.replace(ContentFile(b"%PDF-1.4 nothing", name="broken.pdf"))
    work()
    said = client.get(document.get_absolute_url()).text
    assert "Answers still use the previous version." in said
    assert reverse("documents:keep", args=[document.pk]) in said
    assert "umbrellas" in answering.ask("What do people carry in Bergen?", user=alice).answer

    client.post(reverse("documents:keep", args=[document.pk]))
    document.refresh_from_db()
    assert (document.state, document.serving, document.newest, document.sha256) == (
        "ready",
        good,
        good,
        good.sha256,
    )
    assert len(stored_files(settings)) == 1
    assert "umbrellas" in answering.ask("What do people carry in Bergen at all?", user=alice).answer


def test_what_answers_already_cannot_be_taken_back(client, alice, work):
    document = make_indexed(alice, "It rains in Bergen nearly every day.")
    document.replace(ContentFile(b"It snows in Bergen nearly every day.", name="snow.txt"))
    client.force_login(alice)
    client.post(reverse("documents:keep", args=[document.pk]))
    work()
    document.refresh_from_db()
    assert (document.serving.number, document.state) == (2, "ready")


def test_a_document_that_was_deleted_while_it_was_replaced_says_so_and_leaves_no_file(
    client, alice, settings, monkeypatch
):
    document = make_document(alice)
    refuse = Document.check_not_duplicate

    def deleted_meanwhile(self, sha256):
        refuse(self, sha256)
        Document.objects.get(pk=self.pk).delete()

    monkeypatch.setattr(Document, "check_not_duplicate", deleted_meanwhile)
    client.force_login(alice)
    form = {"file": SimpleUploadedFile("snow.txt", b"It snows.")}
    response = client.post(reverse("documents:replace", args=[document.pk]), form)
    assert (response.status_code, "This document was deleted." in response.text) == (422, True)
    assert stored_files(settings) == []
