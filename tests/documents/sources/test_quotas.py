"""The storage quota: for every way of adding, for concurrent uploads, and after deleting."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from documents.models import Collection, Document, State, Version
from documents.models.collection import Membership, Role
from documents.quotas import QuotaExceeded
from tests.documents.sources.test_adding import zipped
from tests.documents.sources.test_replacing import stored_files, together
from tests.support.factories import make_document, make_indexed, make_user
from tests.support.web_site import answer

pytestmark = pytest.mark.django_db(transaction=True)
FULL = "Storage limit reached"
JSON = {"Accept": "application/json"}


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def full(settings, alice):
    """Alice keeps the one document that she may."""
    settings.MAX_DOCUMENTS_PER_PERSON = 1
    return make_document(alice, "It rains in Bergen.")


def file(name="snow.txt", content=b"It snows in Bergen."):
    return SimpleUploadedFile(name, content)


@pytest.mark.parametrize("headers", [{}, JSON], ids=["form", "tray"])
def test_a_file_too_many_is_refused_with_what_is_full_and_what_to_do(alices, full, settings, headers):
    said = alices.post("/documents/upload/", {"files": file()}, headers=headers).content.decode()
    assert "each person may store up to 1 documents" in said
    assert "Delete documents you no longer need" in said
    assert len(stored_files(settings)) == Document.objects.count() == 1


def test_the_quota_is_checked_for_each_file_of_a_batch(alices, alice, settings):
    settings.MAX_DOCUMENTS_PER_PERSON = 2
    several = {"files": [file(f"{letter}.txt", letter.encode()) for letter in "abcd"]}
    assert alices.post("/documents/upload/", several).text.count(FULL) == 2
    said = alices.post("/documents/upload/", {"files": zipped(a="a", e="e", f="f")}).text
    assert said.count(FULL) == 2
    assert "1 already there" in said
    assert Document.objects.count() == 2


def test_a_web_page_and_a_text_too_many_are_refused_too(alices, full):
    pages = alices.post("/documents/pages/", {"urls": "https://example.org/a\nhttps://example.org/b"})
    text = alices.post("/documents/text/", {"title": "Snow", "text": "It snows."})
    assert pages.text.count(FULL) == 2
    assert (FULL in text.text, text.status_code) == (True, 422)
    assert Document.objects.count() == 1


def test_bytes_are_counted_with_those_of_earlier_contents(alices, alice, settings):
    settings.MAX_MB_PER_PERSON = 1
    document = make_document(alice, "a" * 600_000)
    address = reverse("documents:replace", args=[document.pk])
    response = alices.post(address, {"file": file(content=b"b" * 600_000)})
    assert (response.status_code, FULL in response.text) == (422, True)
    assert alices.post(address, {"file": file(content=b"b" * 300_000)}).status_code == 302
    assert FULL in alices.post("/documents/upload/", {"files": file(content=b"c" * 300_000)}).text
    assert len(stored_files(settings)) == Version.objects.count() == 2


def test_a_web_page_that_exceeds_the_quota_says_so_and_its_earlier_content_answers(
    alice, work, settings, own_site
):
    own_site.pages["/rain.txt"] = answer("It rains in Bergen nearly every day of the year.")
    shelf = Collection.objects.private_to(alice)
    document, _new = Document.objects.add_page(shelf, f"{own_site.url}/rain.txt", user=alice)
    work()
    document.refresh_from_db()
    assert document.state == State.READY
    settings.MAX_MB_PER_PERSON = 1
    own_site.pages["/rain.txt"] = answer("It snows in Bergen. " * 60_000)
    document.fetch()
    work()
    document.refresh_from_db()
    assert (document.state, document.failure_kind) == (State.FAILED, "quota_exceeded")
    assert document.serving.number == 1


def test_many_uploads_at_once_do_not_go_beyond_the_limit(alice, settings):
    settings.MAX_DOCUMENTS_PER_PERSON = 5
    shelf = Collection.objects.private_to(alice)

    def add(number):
        return lambda: Document.objects.add_file(
            shelf, ContentFile(b"Text %d" % number, name=f"{number}.txt"), user=alice
        )

    raised = together(*(add(number) for number in range(20)))
    assert sorted(map(str, raised)) == sorted(map(str, [None] * 5 + [QuotaExceeded] * 15))
    assert len(stored_files(settings)) == Document.objects.filter(uploaded_by=alice).count() == 5


def test_deleting_frees_storage_at_once(alices, full):
    alices.post(reverse("documents:delete", args=[full.pk]))
    assert FULL not in alices.post("/documents/upload/", {"files": file()}).text


def test_a_file_that_is_stored_already_needs_no_storage(alices, full):
    said = alices.post("/documents/upload/", {"files": file("same.txt", b"It rains in Bergen.")}).text
    assert "You have this already" in said


def test_a_person_is_counted_in_all_collections_and_alone(client, full, alice, bob):
    shared = Collection.objects.create(name="Papers")
    for person in (alice, bob):
        Membership.objects.create(collection=shared, user=person, role=Role.EDITOR)
    client.force_login(alice)
    there = {"files": file(), "collection": shared.pk}
    assert FULL in client.post("/documents/upload/", there).text
    client.force_login(bob)
    assert FULL not in client.post("/documents/upload/", {"files": file(), "collection": shared.pk}).text


def test_without_limits_nothing_is_counted(alices, alice, settings):
    settings.MAX_DOCUMENTS_PER_PERSON = settings.MAX_MB_PER_PERSON = 0
    make_document(alice)
    assert FULL not in alices.post("/documents/upload/", {"files": file()}).text
    assert ">Storage<" not in alices.get("/account/").text


def test_the_operators_commands_are_not_held_to_it(full, alice, tmp_path):
    (tmp_path / "snow.txt").write_text("It snows in Bergen.")
    call_command("ingest", str(tmp_path), user="alice", no_wait=True, yes=True)
    call_command("sync", str(tmp_path / ""), user="alice", yes=True)
    (tmp_path / "hail.txt").write_text("It hails in Bergen.")
    call_command("sync", str(tmp_path), user="alice", yes=True)
    assert Document.objects.filter(uploaded_by=alice).count() == 3


def test_people_see_what_they_keep_and_what_is_left_when_it_gets_scarce(client, alice, bob, settings):
    settings.MAX_DOCUMENTS_PER_PERSON = 5
    for number in range(3):
        make_document(alice, f"Text {number}", name=f"{number}.txt")
    client.force_login(alice)
    assert "You store 3 of 5 documents" in client.get("/account/").text
    assert "You store" not in client.get("/documents/").text
    make_indexed(alice)
    assert "You store 4 of 5 documents" in client.get("/documents/").text
    client.force_login(bob)
    assert "You store 0 of 5 documents" in client.get("/account/").text


def test_who_replaces_anothers_document_is_not_told_what_that_person_keeps(client, alice, settings):
    settings.MAX_MB_PER_PERSON = 1
    shared = Collection.objects.create(name="Papers")
    carol = make_user("carol")
    Membership.objects.create(collection=shared, user=carol, role=Role.EDITOR)
    document = make_document(alice, "a" * 900_000, collection=shared)
    client.force_login(carol)
    address = reverse("documents:replace", args=[document.pk])
    said = client.post(address, {"file": file(content=b"b" * 300_000)}).text
    assert FULL in said
    assert "free" not in said
