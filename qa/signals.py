"""What is kept of answers goes with the document that they cite."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from documents.models import Document
from qa.answering import cache


@receiver(post_delete, sender=Document)
def forget_kept_answers(instance: Document, **kwargs: Any) -> None:
    # Its number now: once it is deleted it has none.
    transaction.on_commit(partial(cache.forget_answers_citing, instance.pk), robust=True)
