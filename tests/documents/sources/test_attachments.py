"""Files attached to emails and PDFs become documents."""

import base64
from email.message import EmailMessage

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse

from documents.extraction import Extraction, zip_guard
from documents.models import Collection, Document, State, Task
from documents.models.task import Kind, Superseded, TaskState
from documents.sources import attachments
from documents.sources.metadata import EmbeddedMetadata
from tests.support.factories import FILES, make_document
from tests.support.made.files import made_zip
from tests.support.made.pdfs import make_pdf, with_attachment

pytestmark = pytest.mark.django_db


def letter(*attached, subject="Budget", text="The budget is attached."):
    message = EmailMessage()
    message["From"], message["Date"] = "Ada Lovelace <ada@example.org>", "Fri, 1 Mar 2024 14:30:00 +0100"
    message["Subject"] = subject
    message.set_content(text)
    for name, content in attached:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def indexed(alice, content, name="letter.eml"):
    document = make_document(alice, content, name)
    document.index()
    add_attached(document)
    document.refresh_from_db()
    return document


def add_attached(document):
    for task in document.tasks.open().filter(kind=Kind.ATTACH):
        attachments.add_attachments(task)


def outcomes(document, user):
    return {each.name: each for each in attachments.attachments_of(document.newest, user)}


def test_files_attached_to_an_email_become_documents(alice, client):
    mail = indexed(alice, letter(("costs.csv", b"Item,Price\nRope,21\n"), ("notes.txt", b"Bring the rope.")))
    costs = Document.objects.get(title="costs")
    assert (costs.attached_to, costs.collection, costs.uploaded_by) == (mail, mail.collection, alice)
    costs.index()
    assert "Rope" in costs.serving.text
    client.force_login(alice)
    shown = client.get(mail.get_absolute_url()).text
    assert f'href="{costs.get_absolute_url()}"' in shown
    assert f'href="{mail.get_absolute_url()}"' in client.get(costs.get_absolute_url()).text


def test_what_is_attached_to_a_pdf_becomes_a_document(alice, tmp_path):
    source = make_pdf(tmp_path / "source.pdf", [["The budget is attached."]])
    path = with_attachment(tmp_path / "a.pdf", source, "notes.txt", b"Bring the rope.")
    report = indexed(alice, path.read_bytes(), "report.pdf")
    assert Document.objects.get(title="notes").attached_to == report


def test_a_pdf_that_only_carries_others_has_them_added(alice, tmp_path):
    blank = make_pdf(tmp_path / "blank.pdf", [[]])
    path = with_attachment(tmp_path / "a.pdf", blank, "notes.txt", b"Bring the rope.")
    envelope = make_document(alice, path.read_bytes(), "portfolio.pdf")
    with pytest.raises(Exception, match="empty"):
        envelope.index()
    add_attached(envelope)
    assert Document.objects.get(title="notes").attached_to == envelope


def test_each_file_that_cannot_be_added_says_why_and_stops_no_other(alice, settings):
    settings.MAX_UPLOAD_MB = 1
    mail = indexed(
        alice,
        letter(
            ("logo.png", b"\x89PNG\r\n\x1a\n" + bytes(40)),
            ("more.zip", made_zip({"a.txt": "Inside."})),
            ("huge.txt", b"word " * 300_000),
            ("empty.txt", b""),
            ("notes.txt", b"Bring the rope."),
        ),
    )
    told = {name: each.reason for name, each in outcomes(mail, alice).items()}
    assert told == {
        "logo.png": "Images are not supported.",
        "more.zip": "Archives inside an archive are not unpacked.",
        "huge.txt": "This file exceeds the size limit of this site.",
        "empty.txt": "There is no text in this file.",
        "notes.txt": "",
    }
    assert list(Document.objects.exclude(pk=mail.pk).values_list("title", flat=True)) == ["notes"]


def test_together_they_are_held_to_what_an_archive_may_unpack_to(alice, monkeypatch):
    monkeypatch.setattr("documents.extraction.sandbox.attachments.MAX_BYTES", 1000)
    assert zip_guard.MAX_BYTES > 1000
    mail = indexed(alice, letter(("one.txt", b"a " * 400), ("two.txt", b"b " * 400), ("three.txt", b"c")))
    told = {name: bool(each.reason) for name, each in outcomes(mail, alice).items()}
    assert told == {"one.txt": False, "two.txt": True, "three.txt": False}


def test_what_its_person_may_keep_no_more_of_is_not_added(alice, settings):
    settings.MAX_DOCUMENTS_PER_PERSON = 2
    mail = indexed(alice, letter(("one.txt", b"One."), ("two.txt", b"Two.")))
    assert Document.objects.count() == 2
    assert outcomes(mail, alice)["two.txt"].reason


def test_attachments_of_attachments_end_at_some_depth(alice):
    content = letter(("core.txt", b"The core."))
    for depth in range(6):
        content = letter(("inner.eml", content), subject=f"Level {depth}")
    document = indexed(alice, content)
    depth = 0
    while inner := document.attachments.first():
        inner.index()
        add_attached(inner)
        document, depth = inner, depth + 1
    assert depth == attachments.MAX_DEPTH


def test_a_file_that_is_there_already_is_linked_to_and_not_added_twice(alice):
    known = make_document(alice, "Bring the rope.", "rope.txt")
    mail = indexed(alice, letter(("notes.txt", b"Bring the rope.")))
    assert outcomes(mail, alice)["notes.txt"].document == known
    assert Document.objects.count() == 2


def test_reading_the_mail_again_does_not_bring_back_what_was_deleted(alice):
    mail = indexed(alice, letter(("notes.txt", b"Bring the rope.")))
    Document.objects.get(title="notes").delete()
    Task.objects.request(
        Kind.INDEX, mail, mail.tasks.get(kind=Kind.INDEX).index, start_at="extract", enqueue=False
    )
    mail.index()
    add_attached(mail)
    assert not Document.objects.filter(title="notes").exists()


def test_deleting_the_mail_leaves_what_came_with_it(alice):
    mail = indexed(alice, letter(("notes.txt", b"Bring the rope.")))
    mail.delete()
    assert Document.objects.get().attached_to is None


def test_nobody_sees_a_link_to_an_attachment_that_they_may_not_read(alice, bob, client):
    mail = indexed(alice, letter(("notes.txt", b"Bring the rope.")))
    notes = Document.objects.get(title="notes")
    shared = Collection.objects.create(name="Shared")
    shared.memberships.create(user=bob, role="reader")
    Document.objects.filter(pk=mail.pk).update(collection=shared)
    client.force_login(bob)
    shown = client.get(mail.get_absolute_url()).text
    assert "notes.txt" in shown
    assert notes.get_absolute_url() not in shown


def test_a_mail_whose_attachments_cannot_be_read_answers_all_the_same(alice):
    broken = letter(("notes.txt", b"Bring the rope.")).replace(b"QnJpbmc", b"%%%%%%%")
    mail = indexed(alice, broken)
    assert mail.state == State.READY
    assert mail.tasks.get(kind=Kind.ATTACH).state == TaskState.DONE


def test_no_attachment_is_added_if_the_email_is_deleted_concurrently(alice, monkeypatch):
    mail = make_document(alice, letter(("one.txt", b"One."), ("two.txt", b"Two.")), "letter.eml")
    mail.index()
    found = attachments.attached_files

    def deleted_on_the_way(*args, **options):
        for attached in found(*args, **options):
            Document.objects.filter(pk=mail.pk).delete()
            yield attached

    monkeypatch.setattr(attachments, "attached_files", deleted_on_the_way)
    with pytest.raises(Superseded):
        add_attached(mail)
    assert not Document.objects.exists()


@pytest.mark.parametrize("cut", [0, 3])
def test_a_large_file_is_unpacked_whole_or_as_far_as_it_came(alice, cut):
    content = b"The rope is long. " * 120_000
    lines = base64.encodebytes(content).rstrip()
    start = b"Subject: Rope\nContent-Type: text/plain; name=rope.txt\nContent-Transfer-Encoding: base64\n\n"
    indexed(alice, start + (lines[:-cut] if cut else lines))
    rope = Document.objects.get(title="rope")
    assert abs(rope.newest.size - len(content)) <= cut


# What a document says of itself


def test_a_mail_is_called_by_its_subject_and_says_who_sent_it_and_when(alice, client):
    mail = indexed(alice, letter(), "message-0815.eml")
    assert (mail.title, mail.author, str(mail.dated)) == ("Budget", "Ada Lovelace", "2024-03-01")
    client.force_login(alice)
    shown = client.get(mail.get_absolute_url()).text
    assert "by Ada Lovelace" in shown
    assert "dated March 1, 2024" in shown


def test_a_file_keeps_its_name_and_shows_its_own_title(alice, client):
    document = make_document(alice, (FILES / "handbook.pdf").read_bytes(), "scan_17.pdf")
    document.index()
    assert document.title == "scan 17"
    if document.own_title:
        client.force_login(alice)
        assert document.own_title in client.get(document.get_absolute_url()).text


def test_documents_are_found_by_author_year_and_file_name(alice, client):
    indexed(alice, letter(), "message-0815.eml")
    make_document(alice, "Rain.", "weather.txt")
    client.force_login(alice)
    for words in ("lovelace", "2024", "0815", "budget ada"):
        shown = client.get(reverse("documents:list"), {"q": words}).text
        assert "Budget" in shown
        assert "weather" not in shown


def test_a_year_that_no_calendar_has_finds_nothing(alice, client):
    indexed(alice, letter())
    client.force_login(alice)
    assert client.get(reverse("documents:list"), {"q": "0000"}).status_code == 200


def test_a_person_renames_a_document_and_no_new_content_changes_that(alice, bob, client):
    mail = indexed(alice, letter())
    address = reverse("documents:rename", args=[mail.pk])
    client.force_login(bob)
    assert client.post(address, {"title": "Mine"}).status_code == 404
    client.force_login(alice)
    assert client.post(address, {"title": " \u202e "}).status_code == 422
    before = Collection.objects.get(pk=mail.collection_id).stamp
    assert client.post(address, {"title": "Our  budget"}).status_code == 302
    mail.replace(ContentFile(letter(subject="Another"), name="new.eml"))
    mail.index()
    assert mail.title == "Our budget"
    assert Collection.objects.get(pk=mail.collection_id).stamp != before


@pytest.mark.parametrize(
    ("said", "author", "dated"),
    [
        ({"author": "Ada Lovelace", "creationdate": "D:20240301143000+01'00'"}, "Ada Lovelace", "2024-03-01"),
        (
            {"author": "ada@example.org", "creationdate": "2024-03-01T14:30:00Z"},
            "ada@example.org",
            "2024-03-01",
        ),
        ({"author": '"Lovelace, Ada" <ada@example.org>', "creationdate": "2024-03"}, "Lovelace, Ada", "None"),
        ({"author": "Administrator", "creationdate": "2024-02-31"}, "", "None"),
        ({"author": "Ada\nLove\u202elace\x00", "creationdate": "D:20240301"}, "Ada Lovelace", "2024-03-01"),
        ({"author": "https://example.org/ada", "creationdate": "yesterday"}, "", "None"),
        ({"author": "Ada\tLovelace", "creationdate": "20240301143000"}, "Ada Lovelace", "2024-03-01"),
        ({"author": "Ada Lovelace", "creationdate": "2024:03:01 14:30:00"}, "Ada Lovelace", "2024-03-01"),
        ({"author": ["a", 1], "creationdate": None}, "", "None"),
        ({}, "", "None"),
    ],
)
def test_author_and_date_are_made_out_of_what_each_kind_of_file_says(said, author, dated):
    own = EmbeddedMetadata.of(Extraction([], 0, metadata=said))
    assert (own.author, str(own.dated)) == (author, dated)


def test_a_web_page_says_who_wrote_it_and_when(alice):
    page = (
        b'<html><head><title>Tides</title><meta name="author" content="Ada Lovelace">'
        b'<meta property="article:published_time" content="2024-03-01T08:00:00+00:00"></head>'
        b"<body><p>The tide turns at noon, and again at midnight.</p></body></html>"
    )
    document = make_document(alice, page, "tides.html")
    document.index()
    assert (document.own_title, document.author, str(document.dated)) == (
        "Tides",
        "Ada Lovelace",
        "2024-03-01",
    )
