""" "Your document is ready": a notice in the page, and a mail where mail is set up and wished for."""

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
    """To the person who added it. Inside the transaction that makes it so; the mail goes out after the commit."""
    person = document.uploaded_by
    if person is None or document.is_sample:
        return
    if (
        not Document.objects.visible_to(person).filter(pk=document.pk).exists()
    ):  # taken from its collection meanwhile
        return
    Notice.objects.create(user=person, document=document, is_failure=is_failure)
    if settings.EMAIL_HOST and person.mail_when_ready and person.email:
        transaction.on_commit(lambda: send(document, person.email, is_failure=is_failure), robust=True)


def send(document: Document, address: str, *, is_failure: bool) -> None:
    """One mail; a mail server that is away is logged and costs the document nothing."""
    subject = (_("%s could not be read") if is_failure else _("%s is ready")) % document.title
    url = f"{settings.SITE_URL.rstrip('/')}{document.get_absolute_url()}" if settings.SITE_URL else ""
    body = render_to_string(
        "documents/mail.txt", {"document": document, "is_failure": is_failure, "url": url}
    )
    try:
        send_mail(" ".join(subject.split()), body, None, [address])
    except OSError as error:
        logger.warning("mail for document=%s not sent: %s", document.pk, type(error).__name__)
