"""A full or read-only disk: a plain sentence, no half file, and a log line for the operator."""

import asyncio
import errno
import io
import zipfile
from pathlib import Path

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.core.management import CommandError, call_command
from django.db import DataError, OperationalError
from django.urls import reverse

from documents.models import Collection, Document, State, Task, Version
from documents.models.task import Kind, TaskState
from documents.work import retries
from ragsite import asgi
from ragsite.disk import StorageError, storage_problem
from tests.support.factories import make_document
from tests.support.full_disk import FullDisk, ReadOnlyDisk, put_files_on

pytestmark = pytest.mark.django_db

UPLOAD = "/documents/upload/"
JSON = {"Accept": "application/json"}
SENTENCE = "no space left"


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    client.raise_request_exception = False
    return client


def text(name="weather.txt", content=b"It rains in Bergen."):
    return SimpleUploadedFile(name, content)


def stored_files(settings):
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("disk", "status", "words"), [(FullDisk, 507, SENTENCE), (ReadOnlyDisk, 503, "cannot write")]
)
def test_the_tray_gets_its_sentence_as_json_and_nothing_is_left(
    alices, settings, disk, status, words, caplog
):
    put_files_on(settings, disk)

    response = alices.post(UPLOAD, {"files": [text()]}, headers=JSON)

    assert response.status_code == status
    assert words in response.json()["error"]
    assert stored_files(settings) == []
    assert not Document.objects.exists()
    assert "file not stored" in caplog.text


def test_a_plain_form_gets_a_page_that_says_it_of_each_file(alices, settings):
    put_files_on(settings, FullDisk)

    response = alices.post(UPLOAD, {"files": [text(), text("snow.txt", b"Snow.")]})

    assert response.status_code == 507
    assert response.text.count(SENTENCE) == 2
    assert stored_files(settings) == []


def test_the_files_of_an_archive_are_each_told_of(alices, settings):
    put_files_on(settings, FullDisk)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("one.txt", "It rains.")
        archive.writestr("two.txt", "It snows.")

    response = alices.post(UPLOAD, {"files": [text("both.zip", packed.getvalue())]}, headers=JSON)

    assert response.status_code == 507
    assert SENTENCE in response.json()["error"]
    assert stored_files(settings) == []


def test_a_pasted_text_stays_in_its_form(alices, settings):
    put_files_on(settings, FullDisk)

    response = alices.post(reverse("documents:text"), {"title": "Weather", "text": "It rains in Bergen."})

    assert response.status_code == 507
    assert SENTENCE in response.text
    assert "It rains in Bergen." in response.text


def test_a_new_content_that_cannot_be_stored_leaves_the_earlier_one(alices, alice, settings):
    document = make_document(alice)
    put_files_on(settings, FullDisk)

    response = alices.post(
        reverse("documents:replace", args=[document.pk]), {"file": text("new.txt", b"It thaws.")}
    )

    assert response.status_code == 507
    assert SENTENCE in response.text
    assert Version.objects.count() == 1
    assert len(stored_files(settings)) == 1


def test_the_commands_name_each_file_that_could_not_be_stored(alice, settings, tmp_path):
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "one.txt").write_text("It rains.")
    put_files_on(settings, FullDisk)

    for command in (
        ["ingest", str(folder / "one.txt"), "--user", "alice"],
        ["sync", str(folder), "--user", "alice"],
    ):
        out = io.StringIO()
        with pytest.raises(CommandError):
            call_command(*command, stdout=out, stderr=out)
        assert "No space left on device" in out.getvalue()
    assert stored_files(settings) == []


class FullTemporaryFolder(TemporaryFileUploadHandler):
    def receive_data_chunk(self, raw_data, start):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("headers", [JSON, {}])
def test_an_upload_for_whose_temporary_file_there_is_no_space(alices, settings, headers):
    settings.FILE_UPLOAD_HANDLERS = [f"{__name__}.FullTemporaryFolder"]

    response = alices.post(UPLOAD, {"files": [text()]}, headers=headers)

    assert response.status_code == 507
    assert SENTENCE in (response.json()["error"] if headers else response.text)


@pytest.mark.parametrize("accept", [b"application/json", b"text/html"])
def test_a_body_that_cannot_be_spooled(accept, monkeypatch):
    sent = []

    async def full(scope, receive, send):
        raise OSError(errno.ENOSPC, "No space left on device")

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    monkeypatch.setattr(asgi, "django_application", full)
    scope = {"type": "http", "path": UPLOAD, "method": "POST", "headers": [(b"accept", accept)]}
    asyncio.run(asgi.limited_django(scope, receive, send))

    assert sent[0]["status"] == 507
    assert SENTENCE in sent[1]["body"].decode()


def full_database():
    error = OperationalError("could not extend file")
    error.__cause__ = psycopg.errors.DiskFull("could not extend file")
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (full_database(), 507),
        (OSError(errno.ENOSPC, "x"), 507),
        (OSError(errno.EDQUOT, "x"), 507),
        (OSError(errno.EROFS, "x"), 503),
        (StorageError(errno.EACCES, "x"), 503),
        (PermissionError(errno.EACCES, "a file that may not be opened"), None),
        (FileNotFoundError(errno.ENOENT, "x"), None),
        (ValueError("x"), None),
    ],
)
def test_a_full_disk_is_known_wherever_it_is_met(error, status):
    problem = storage_problem(error)
    assert (problem and problem.status) == status


def test_a_worker_without_space_tries_again_and_says_why(alice):
    document = make_document(alice)
    task = Task.objects.get(document=document, kind=Kind.INDEX)

    retries.record_failure(task, OSError(errno.ENOSPC, "No space left on device"))

    document.refresh_from_db()
    task.refresh_from_db()
    assert (document.state, task.state, task.tries) == (State.WAITING, TaskState.OPEN, 1)
    assert SENTENCE in document.failure


def test_a_file_that_is_there_is_no_half_file_when_its_row_cannot_be_written(alice, settings):
    with pytest.raises(DataError):
        Document.objects.add_file(
            Collection.objects.private_to(alice), text(), user=alice, title="NUL \0 in title"
        )

    assert stored_files(settings) == []
