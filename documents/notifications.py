"""Notifies the owner that a document is ready or has failed: a notice on the page, and an email if that is set up."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from documents.models import Document, Notice

logger = logging.getLogger("ragsite.mail")


def notify(document: Document, *, is_failure: bool = False) -> None:
    """Notify the person who added it. Call it in the transaction that changes the state; the email is sent after the commit."""
    person = document.uploaded_by
    if person is None or document.is_sample:
        return
    # The person may have lost access to the collection.
    if not Document.objects.visible_to(person).filter(pk=document.pk).exists():
        return
    Notice.objects.create(user=person, document=document, is_failure=is_failure)
    if settings.EMAIL_HOST and person.mail_when_ready and person.email:
        transaction.on_commit(lambda: send_email(document, person.email, is_failure=is_failure), robust=True)


def send_email(document: Document, address: str, *, is_failure: bool) -> None:
    """Send one email. Failures of the mail server are logged only."""
    subject = (_("%s could not be read") if is_failure else _("%s is ready")) % document.title
    url = f"{settings.SITE_URL.rstrip('/')}{document.get_absolute_url()}" if settings.SITE_URL else ""
    body = render_to_string(
        "documents/mail.txt", {"document": document, "is_failure": is_failure, "url": url}
    )
    try:
        send_mail(" ".join(subject.split()), body, None, [address])
    except OSError as error:
        logger.warning("email for document=%s not sent: %s", document.pk, type(error).__name__)
