"""Deletes cached answers together with a document that they cite."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from documents.models import Document
from qa.answering import cache


@receiver(post_delete, sender=Document)
def delete_cached_answers(instance: Document, **kwargs: Any) -> None:
    # The primary key now: after the deletion it is None.
    transaction.on_commit(partial(cache.delete_answers_citing, instance.pk), robust=True)
