"""Creates the tasks of new versions and deletes what deleted rows leave behind. `bulk_create`, `update` and COPY send no signals."""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver

from documents.ingestion import passwords, summarize
from documents.ingestion.splitter import embedding_text
from documents.models import Collection, Document, Index, Task, Version
from documents.models.task import Kind
from documents.page_images import forget as forget_images
from documents.work import queue


@receiver(post_save, sender=Version)
def index_new_version(instance: Version, created: bool, raw: bool, **kwargs: Any) -> None:
    if created and not raw:  # raw: loaddata loads the chunks too
        # A new site has no index yet: the worker creates it, since that may need the provider, which may be away.
        indexes: list[Index | None] = [*Index.objects.wanted()]
        for index in indexes or [None]:
            Task.objects.request(Kind.INDEX, instance.document, index)


@receiver(pre_delete, sender=Collection)
def delete_documents_first(instance: Collection, **kwargs: Any) -> None:
    """Delete the documents by their own queryset, which takes the locks that a cascade would not."""
    instance.documents.all().delete()


@receiver(pre_delete, sender=Version)
def forget_vectors(instance: Version, **kwargs: Any) -> None:
    """Delete the cached vectors of its chunks. Before the rows go: the cache keys are hashes of their texts."""
    for index in Index.objects.filter(chunks__version=instance).distinct():
        rows = index.chunks.filter(version=instance).values_list("heading_path", "text", "table_header")
        texts = [embedding_text(*row) for row in rows.iterator()]
        transaction.on_commit(partial(index.forget_passages, texts), robust=True)


@receiver(post_delete, sender=Version)
def delete_file_and_images(instance: Version, **kwargs: Any) -> None:
    if instance.file:
        storage, name = instance.file.storage, str(instance.file.name)
        transaction.on_commit(lambda: storage.delete(name), robust=True)
    deleted = copy(instance)  # Django clears the primary key after deleting
    transaction.on_commit(partial(forget_images, deleted), robust=True)
    transaction.on_commit(partial(passwords.delete, deleted), robust=True)
    transaction.on_commit(partial(summarize.delete_cached, instance.sha256), robust=True)


@receiver(post_delete, sender=Task)
def forget_jobs_of_deleted_task(instance: Task, **kwargs: Any) -> None:
    if instance.tries:
        # A copy: Django clears the primary key after deleting.
        transaction.on_commit(partial(queue.forget_failed_jobs, copy(instance)), robust=True)


@receiver(post_delete, sender=Document)
def outdate_answers(instance: Document, **kwargs: Any) -> None:
    Collection(pk=instance.collection_id).change_stamp()
