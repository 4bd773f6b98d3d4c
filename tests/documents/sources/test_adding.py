"""Adding pasted texts, archives, folders and files with passwords."""

import io
import logging
import stat
import zipfile

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from pypdf import PdfWriter

from documents.extraction import zip_guard
from documents.ingestion import passwords
from documents.models import Collection, Document, State
from documents.sources import upload_results
from documents.sources.uploads import MARKDOWN
from documents.work.queue import queue_connection
from ragsite import logs
from tests.support.factories import FILES, make_document, make_indexed

UPLOAD = "/documents/upload/"
JSON = {"Accept": "application/json"}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


def zipped(name="papers.zip", **files):
    return archive({path.replace("__", "/") + ".txt": text for path, text in files.items()}, name)


def archive(files, name="papers.zip"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as writer:
        for path, content in files.items():
            writer.writestr(path, content)
    return SimpleUploadedFile(name, packed.getvalue())


# Pasted texts


def test_a_pasted_text_becomes_a_document_unchanged(alices, work):
    response = alices.post("/documents/text/", {"title": "Rain", "text": "# Rain\r\n\r\nIt rains in Bergen."})
    document = Document.objects.get()
    work()
    document.refresh_from_db()
    assert response.url == document.get_absolute_url()
    assert (document.title, document.source, document.state) == ("Rain", "text", State.READY)
    assert (document.serving.media_type, document.serving.text) == (
        "text/markdown",
        "# Rain\n\nIt rains in Bergen.",
    )


def test_a_text_that_is_too_long_is_refused_with_a_remedy(alices):
    response = alices.post("/documents/text/", {"title": "x", "text": "Rain. " * 1_000_000})
    assert response.status_code == 413
    assert "This text is too long for the form. Save it as a file and upload that." in response.text
    assert not Document.objects.exists()


def test_more_files_than_a_form_takes_are_told_what_to_do(alices, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [SimpleUploadedFile(f"{number}.txt", b"It rains.") for number in range(3)]
    response = alices.post(UPLOAD, {"files": files})
    assert response.status_code == 413
    assert "too many files for one form" in response.text


def test_a_text_without_marks_is_plain_and_its_title_is_no_path(alices):
    alices.post("/documents/text/", {"title": "../notes\u202e v1.2", "text": "It rains."})
    version = Document.objects.get().newest
    assert (version.file_name, version.media_type) == ("notes v1 2.txt", "text/plain")


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"title": "", "text": "x"}, "Enter a title."),
        ({"title": "x", "text": ""}, "Enter some text."),
        ({"title": "x", "text": " \n "}, "There is no text in this file."),
        (
            {"title": "x", "text": "rain " * 200_001},
            "and the limit is 1000000",
        ),
    ],
    ids=["no title", "no text", "only space", "too long"],
)
def test_a_text_that_cannot_be_taken_comes_back_with_the_reason(alices, form, sentence):
    response = alices.post("/documents/text/", form)
    assert response.status_code == 422
    assert sentence in response.text
    assert not Document.objects.exists()


def test_a_pasted_text_is_stored_once_and_can_be_edited(alices, alice, work):
    for _ in range(2):
        alices.post("/documents/text/", {"title": "Rain", "text": "It rains in Bergen."})
    document = Document.objects.get()
    work()
    address = reverse("documents:replace", args=[document.pk])
    assert "It rains in Bergen.</textarea>" in alices.get(address).text
    alices.post(address, {"text": "It snows in Bergen."})
    work()
    document.refresh_from_db()
    assert document.serving.text == "It snows in Bergen."
    again = alices.post(address, {"text": "It snows in Bergen."})
    assert "The collection already contains this text." in again.text


# Archives


def test_every_file_of_an_archive_becomes_a_document_with_its_own_outcome(alices, alice):
    make_document(alice, "It rains in Bergen.")
    upload = archive(
        {
            "a/rain.txt": "It rains in Bergen.", "a/snow.md": "# Snow", "b/pixel.png": b"\x89PNG\r\n\x1a\n" + bytes(9),
            "__MACOSX/a/._rain.txt": "x", ".DS_Store": "x", "a/.hidden/x.txt": "x", "inner.zip": b"PK\x03\x04" + bytes(60),
        }
    )  # fmt: skip
    said = alices.post(UPLOAD, {"files": upload}).text

    assert set(Document.objects.values_list("title", flat=True)) == {"weather", "snow"}
    assert "1 added" in said
    assert "1 already there" in said
    assert "2 skipped" in said
    assert "3 hidden files ignored" in said
    assert "b/pixel.png" in said
    assert "Archives inside an archive are not unpacked." in said


def test_the_tray_gets_the_rows_of_an_archives_documents(alices):
    result = alices.post(UPLOAD, {"files": zipped(rain="It rains.", snow="It snows.")}, headers=JSON).json()[
        "results"
    ][0]
    assert result["is_accepted"]
    assert result["row"].count('<tr class="document"') == 2
    assert "2 added" in result["html"]


@pytest.mark.parametrize(
    "path", ["/etc/passwd.txt", "../up.txt", "a/../../up.txt", "C:\\x.txt", "..\\up.txt"]
)
def test_an_archive_that_names_places_outside_of_itself_is_refused_whole(alices, path):
    response = alices.post(UPLOAD, {"files": archive({"ok.txt": "It rains.", path: "x"})})
    assert not Document.objects.exists()
    assert "state-failed" in response.text


def test_an_archive_that_unpacks_to_far_more_is_refused(alices):
    response = alices.post(UPLOAD, {"files": archive({"bomb.txt": bytes(30_000_000)})})
    assert "is too large when unpacked. Split it into smaller archives" in response.text
    assert not Document.objects.exists()


def test_an_archive_that_lies_about_its_sizes_is_stopped_while_it_is_read(alices):
    content = zipped(bomb="x" * 3_000_000, rain="It rains.").read()
    true, lie = (3_000_000).to_bytes(4, "little"), (300).to_bytes(4, "little")
    alices.post(UPLOAD, {"files": SimpleUploadedFile("lies.zip", content.replace(true, lie))})
    assert "bomb" not in Document.objects.values_list("title", flat=True)


def test_a_file_in_an_archive_may_be_no_larger_than_one_alone(alices, settings):
    settings.MAX_UPLOAD_MB = 1
    import random

    noise = random.Random(1).randbytes(900_000).hex()
    said = alices.post(UPLOAD, {"files": zipped(large=noise, rain="It rains.")}).text
    assert "1 added" in said
    assert "exceeds the size limit of this site" in said


def test_a_link_in_an_archive_is_named_and_not_followed(alices, tmp_path):
    with zipfile.ZipFile(tmp_path / "papers.zip", "w") as writer:
        link = zipfile.ZipInfo("passwords.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        writer.writestr(link, "../../../../etc/passwd")
        writer.writestr("rain.txt", "It rains.")
    content = (tmp_path / "papers.zip").read_bytes()
    assert (
        "links are not followed" in alices.post(UPLOAD, {"files": SimpleUploadedFile("x.zip", content)}).text
    )
    assert [document.title for document in Document.objects.all()] == ["rain"]


def test_names_in_an_archive_are_shown_as_they_were_meant_and_steer_nothing(alices):
    content = archive({"caf-1.txt": "Coffee.", "txe\u202egnp.png": b"\x89PNG\r\n\x1a\n"}).read()
    content = content.replace(b"caf-1.txt", "café.txt".encode())  # as Macs write it
    said = alices.post(UPLOAD, {"files": SimpleUploadedFile("x.zip", content)}).text
    assert Document.objects.get().title == "café"
    assert "\u202e" not in said
    assert "txegnp.png" in said


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp850", ["Größe.txt", "Gebühren.txt"]),
        ("cp866", ["Договор.txt", "Отчёт.txt"]),
        ("cp932", ["会議資料.txt", "請求書2024年.txt"]),
        ("gbk", ["会议记录.txt"]),
    ],
)
def test_names_in_an_archive_are_read_in_the_code_page_of_the_machine_that_made_it(alices, encoding, names):
    stand_ins = {
        letter * (len(name.encode(encoding)) - 4) + ".txt": name
        for letter, name in zip("xy", names, strict=False)
    }
    content = archive({stand_in: "It rains " + stand_in[0] * 9 for stand_in in stand_ins}).read()
    for stand_in, name in stand_ins.items():
        content = content.replace(stand_in.encode(), name.encode(encoding))
    alices.post(UPLOAD, {"files": SimpleUploadedFile("x.zip", content)})
    assert {document.title for document in Document.objects.all()} == {
        name.removesuffix(".txt") for name in names
    }


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"PK\x03\x04" + bytes(80), "damaged"), (zipped().read(), "This archive contains no files.")],
    ids=["broken", "empty"],
)
def test_an_archive_that_cannot_be_opened_says_so(alices, content, sentence):
    assert sentence in alices.post(UPLOAD, {"files": SimpleUploadedFile("x.zip", content)}).text


def test_an_archive_of_too_many_files_is_refused(alices, monkeypatch):
    monkeypatch.setattr(zip_guard, "MAX_MEMBERS", 1)
    assert "state-failed" in alices.post(UPLOAD, {"files": zipped(rain="a", snow="b")}).text
    assert not Document.objects.exists()


def test_nobody_waits_for_ever_for_an_archive_and_nothing_is_added_twice(alices, monkeypatch):
    monkeypatch.setattr(upload_results, "MAX_UNPACK_SECONDS", -1)
    assert (
        "There was no time left for this file."
        in alices.post(UPLOAD, {"files": zipped(rain="a", snow="b")}).text
    )
    monkeypatch.undo()
    alices.post(UPLOAD, {"files": zipped(rain="a", snow="b")})
    assert "2 already there" in alices.post(UPLOAD, {"files": zipped(rain="a", snow="b")}).text


def test_a_folder_is_sent_without_script_and_its_hidden_files_are_left_out(alices):
    files = [
        SimpleUploadedFile(name, name.encode()) for name in (".DS_Store", "rain.txt", "snow.txt", "Thumbs.db")
    ]
    said = alices.post(UPLOAD, {"files": files}).text
    assert set(Document.objects.values_list("title", flat=True)) == {"rain", "snow"}
    assert "2 hidden files were skipped." in said


# Passwords

SECRET = "quizzaciously"


def give(client, document, word, **more):
    return client.post(reverse("documents:password", args=[document.pk]), {"password": word, **more})


@pytest.fixture
def locked(alice, work):
    writer = PdfWriter(clone_from=FILES / "crazyones.pdf")
    writer.encrypt(SECRET, algorithm="AES-256")
    locked = io.BytesIO()
    writer.write(locked)
    upload = SimpleUploadedFile("locked.pdf", locked.getvalue())
    document, _ = Document.objects.add_file(Collection.objects.private_to(alice), upload, user=alice)
    work()
    document.refresh_from_db()
    assert (document.state, document.failure_kind) == (State.FAILED, "password")
    return document


def everywhere(document):
    """All that is kept anywhere: every row of every table, every key of both Redis databases."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'select t::text from "{table}" t')
            yield from (row for (row,) in cursor.fetchall())
    for redis in (queue_connection(), cache._cache.get_client(None, write=True)):
        for key in redis.scan_iter():
            yield repr(key) + repr(redis.dump(key))


def test_a_locked_file_asks_for_its_password_in_the_list_and_on_its_page(alices, locked):
    for page in (reverse("documents:list"), locked.get_absolute_url()):
        said = alices.get(page).text
        assert "This file needs a password." in said
        assert reverse("documents:password", args=[locked.pk]) in said


def test_the_password_opens_the_file_once_and_is_not_stored(alices, locked, work):
    heard = logging.StreamHandler(io.StringIO())
    heard.setFormatter(logs.TextFormatter())
    logging.getLogger().addHandler(heard)
    level, root = logging.getLogger().level, logging.getLogger()
    root.setLevel(logging.DEBUG)
    try:
        give(alices, locked, SECRET)
        on_its_way = list(everywhere(locked))
        work()
    finally:
        root.removeHandler(heard)
        root.setLevel(level)
    locked.refresh_from_db()
    assert locked.state == State.READY
    for kept in [*on_its_way, *everywhere(locked), heard.stream.getvalue()]:
        assert SECRET not in kept
    assert passwords.pop(locked.newest) == ""


def test_a_wrong_password_is_asked_for_again(alices, locked, work):
    give(alices, locked, "guess")
    work()
    said = alices.get(locked.get_absolute_url()).text
    assert "Incorrect password." in said
    give(alices, locked, SECRET)
    work()
    locked.refresh_from_db()
    assert locked.state == State.READY


def test_a_password_that_is_lost_on_its_way_is_asked_for_again(alices, locked, work):
    give(alices, locked, SECRET)
    cache.clear()
    work()
    assert "This file needs a password." in alices.get(locked.get_absolute_url()).text


def test_a_reading_that_is_cut_off_leaves_the_password_to_the_next(locked):
    passwords.store(locked.newest, SECRET)
    with pytest.raises(ConnectionError), passwords.consume(locked.newest):
        raise ConnectionError
    with passwords.consume(locked.newest) as password:
        assert password == SECRET
    assert passwords.pop(locked.newest) == ""


def test_a_password_is_sealed_and_soon_gone(locked, settings):
    passwords.store(locked.newest, SECRET)
    redis = cache._cache.get_client(None, write=True)
    (key,) = [key for key in redis.scan_iter() if b"password" in key]
    assert 0 < redis.ttl(key) <= 15 * 60
    assert SECRET.encode() not in redis.get(key)
    settings.SECRET_KEY = "another one"
    assert passwords.pop(locked.newest) == ""


def test_only_who_may_change_a_document_may_give_its_password(client, locked, bob):
    client.force_login(bob)
    assert give(client, locked, SECRET).status_code == 404
    assert passwords.pop(locked.newest) == ""


def test_a_password_for_a_file_that_needs_none_is_not_kept(alices, alice):
    document = make_indexed(alice)
    give(alices, document, SECRET)
    assert passwords.pop(document.newest) == ""


def test_a_text_of_open_brackets_is_inspected_in_linear_time():
    """Forty thousand took fourteen seconds, in which the whole web process stood still."""
    assert not MARKDOWN.search("[" * 1_000_000)
    assert MARKDOWN.search("see [the page](https://example.org)")
