import hashlib
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.db.models.signals import pre_save
from django.urls import reverse

from documents.models import Collection, Document, Version
from documents.models.collection import Membership, Role
from tests.support.factories import FILES, make_document

UPLOAD = "/documents/upload/"
JSON = {"Accept": "application/json"}


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


def text(name="weather.txt", content=b"It rains in Bergen."):
    return SimpleUploadedFile(name, content)


def send(client, *files, **fields):
    return client.post(UPLOAD, {"files": list(files), **fields})


def test_an_upload_becomes_a_document_of_the_persons_own(alices, alice):
    send(alices, text())
    document = Document.objects.get()
    version = document.versions.get()
    assert (document.title, document.uploaded_by, document.collection.private_to) == ("weather", alice, alice)
    assert (version.file_name, version.media_type, version.size) == ("weather.txt", "text/plain", 19)
    assert version.sha256 == document.sha256 == hashlib.sha256(b"It rains in Bergen.").hexdigest()
    assert version.file.read() == b"It rains in Bergen."
    assert "weather" not in version.file.name, "stored under a name of ours"


@pytest.mark.django_db(transaction=True)
def test_a_new_persons_first_two_uploads_may_come_at_once(alice):
    found = []

    def second_request():
        found.append(Collection.objects.to_add_to(alice).filter(private_to=alice).count())
        connections.close_all()

    def between_both_rows(**kwargs):
        pre_save.disconnect(between_both_rows, Membership)
        second.start()
        second.join(1)

    second = threading.Thread(target=second_request)
    pre_save.connect(between_both_rows, Membership)
    first = Collection.objects.to_add_to(alice)
    second.join()
    assert (first.filter(private_to=alice).count(), found) == (1, [1])


def test_a_person_gets_back_a_collection_of_their_own_that_lost_its_owner(alices, alice):
    Collection.objects.private_to(alice).memberships.all().delete()
    assert send(alices, text()).status_code == 200
    assert Document.objects.visible_to(alice).count() == 1


def test_a_person_whose_role_in_their_own_collection_was_lowered_may_add_to_it(alices, alice):
    Collection.objects.private_to(alice).memberships.update(role=Role.READER)
    assert send(alices, text()).status_code == 200
    assert Document.objects.visible_to(alice).count() == 1


def test_several_files_are_sent_at_once_without_script(alices):
    response = send(alices, *(text(f"day {n}.txt", b"Rain, day %d." % n) for n in range(50)))
    assert Document.objects.count() == 50
    assert response.text.count("state-moving") == 50


def test_a_bad_file_is_reported_by_name_and_the_others_are_added(alices):
    response = send(
        alices, text(), text("holiday.jpg", b"\xff\xd8\xff\xe0" + bytes(range(256))), text("empty.txt", b"")
    )
    assert [document.title for document in Document.objects.all()] == ["weather"]
    assert response.status_code == 200
    assert "holiday.jpg" in response.text
    assert "Images are not supported." in response.text
    assert "There is no text in this file." in response.text


def test_a_file_named_like_a_pdf_that_is_none_is_refused_before_anything_is_stored(alices, settings):
    response = send(alices, text("handbook.pdf", b"<b>no</b> PDF at all"))
    assert "has a PDF name but is not a PDF" in response.text
    assert not Version.objects.exists()
    assert not [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]


def test_what_is_there_already_is_shown_and_not_stored_twice(alices, settings):
    send(alices, text())
    response = send(alices, text("the same by another name.txt"))
    assert "You have this already" in response.text
    assert Document.objects.get().get_absolute_url() in response.text
    assert len([path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]) == 1


def test_the_same_file_twice_in_one_upload_is_one_document(alices):
    response = send(alices, text(), text())
    assert Document.objects.count() == 1
    assert response.text.count("You have this already") == 1


def test_two_people_keep_the_same_file_each_for_themselves(alices, bob, client):
    send(alices, text())
    client.force_login(bob)
    assert "You have this already" not in send(client, text()).text
    assert Document.objects.count() == 2


def test_a_file_over_the_limit_is_refused_and_the_smaller_one_taken(alices, settings):
    settings.MAX_UPLOAD_MB = 1
    response = send(alices, text("large.txt", b"rain " * 300_000), text())
    assert "larger than 1 MB" in response.text
    assert [document.title for document in Document.objects.all()] == ["weather"]


def test_names_are_shown_as_text_and_cannot_turn_the_writing_direction(alices):
    send(alices, text("<script>alert(1)</script>\u202egpj.txt"), text("tab\there\x07.txt", b"More rain."))
    titles = set(Document.objects.values_list("title", flat=True))
    assert not any(letter in title for title in titles for letter in "\u202e\t\x07")
    page = alices.get(reverse("documents:list")).text
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_the_tray_gets_the_outcome_of_its_file_and_the_row_for_the_list(alices):
    response = alices.post(UPLOAD, {"files": text()}, headers=JSON)
    result = response.json()["results"][0]
    document = Document.objects.get()
    assert result["is_accepted"]
    assert f'id="document-{document.pk}"' in result["row"]
    assert "Waiting" in result["html"]


def test_the_tray_gets_a_plain_sentence_for_a_bad_file_and_no_row(alices):
    result = alices.post(UPLOAD, {"files": text("empty.txt", b" \n ")}, headers=JSON).json()["results"][0]
    assert (result["is_accepted"], result["row"]) == (False, "")
    assert "There is no text in this file." in result["html"]


def test_sending_no_file_says_so(alices):
    response = alices.post(UPLOAD, {})
    assert response.status_code == 422
    assert "Choose at least one file." in response.text
    assert alices.post(UPLOAD, {}, headers=JSON).json() == {"error": "Choose at least one file."}


def test_files_go_into_a_collection_that_the_person_may_edit(alices, alice, bob):
    shared = Collection.objects.create(name="Shared")
    Membership.objects.create(collection=shared, user=alice, role=Role.EDITOR)
    send(alices, text(), collection=shared.pk)
    assert Document.objects.get().collection == shared


@pytest.mark.parametrize("role", [None, Role.READER])
def test_nobody_puts_files_into_a_collection_they_may_not_edit(alices, alice, bob, role):
    theirs = Collection.objects.private_to(bob)
    if role:
        Membership.objects.create(collection=theirs, user=alice, role=role)
    assert send(alices, text(), collection=theirs.pk).status_code == 422
    assert not Document.objects.exists()


def test_nobody_uploads_without_signing_in(client, alice):
    response = send(client, text())
    assert response.url.startswith(reverse("accounts:login"))
    assert not Document.objects.exists()


def test_a_new_content_takes_the_place_of_the_old_one_and_keeps_the_document(alices, alice):
    document = make_document(alice)
    response = alices.post(
        reverse("documents:replace", args=[document.pk]), {"file": text("new.txt", b"It snows in Bergen.")}
    )
    assert response.url == document.get_absolute_url()
    assert [version.file_name for version in document.versions.all()] == ["new.txt", "weather.txt"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "There is no text in this file."),
        (b"It rains in Bergen.", "already contains this file"),
        (b"\x7fELF" + bytes(60), "is a program"),
    ],
    ids=["empty", "the same again", "a program"],
)
def test_a_new_content_that_cannot_be_taken_leaves_the_document_as_it_was(alices, alice, content, sentence):
    document = make_document(alice)
    response = alices.post(
        reverse("documents:replace", args=[document.pk]), {"file": text("new.txt", content)}
    )
    assert response.status_code == 422
    assert sentence in response.text
    assert document.versions.count() == 1


def test_a_real_pdf_is_taken(alices):
    pdf = next(FILES.rglob("*.pdf"))
    send(alices, SimpleUploadedFile("handbook.pdf", pdf.read_bytes()))
    assert Version.objects.get().media_type == "application/pdf"
