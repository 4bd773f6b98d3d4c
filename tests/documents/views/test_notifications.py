import pytest
from django.core import mail

from documents import notifications
from documents.models import Notice
from tests.support.factories import make_document, make_indexed, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail_server(settings):
    settings.EMAIL_HOST = "mail.example.com"
    settings.SITE_URL = "https://docs.example.com"


def test_a_user_who_opted_in_gets_an_email_with_a_link_when_a_document_is_ready(
    mail_server, django_capture_on_commit_callbacks
):
    carol = make_user("carol", email="carol@example.com", mail_when_ready=True)
    with django_capture_on_commit_callbacks(execute=True):
        document = make_indexed(carol)

    (letter,) = mail.outbox
    assert letter.to == ["carol@example.com"]
    assert "ready" in letter.subject
    assert f"https://docs.example.com/documents/{document.pk}/" in letter.body


@pytest.mark.parametrize(
    "wish", [{"mail_when_ready": False, "email": "c@example.com"}, {"mail_when_ready": True, "email": ""}]
)
def test_nobody_gets_a_mail_who_did_not_ask_for_it_or_has_no_address(
    mail_server, django_capture_on_commit_callbacks, wish
):
    with django_capture_on_commit_callbacks(execute=True):
        make_indexed(make_user("carol", **wish))

    assert mail.outbox == []
    assert Notice.objects.count() == 1


def test_a_failure_is_mailed_with_what_to_do(mail_server, django_capture_on_commit_callbacks):
    carol = make_user("carol", email="carol@example.com", mail_when_ready=True)
    document = make_document(carol)
    document.fail("damaged", "This file is damaged.", "Save it again.")
    with django_capture_on_commit_callbacks(execute=True):
        notifications.notify(document, is_failure=True)

    assert "Save it again." in mail.outbox[0].body


def test_a_mail_server_that_is_away_costs_the_document_nothing(
    mail_server, monkeypatch, django_capture_on_commit_callbacks
):
    def refuse(*args, **kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr(notifications, "send_mail", refuse)
    carol = make_user("carol", email="carol@example.com", mail_when_ready=True)
    with django_capture_on_commit_callbacks(execute=True):
        document = make_indexed(carol)

    assert document.state == "ready"
