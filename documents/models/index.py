from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import DatabaseError, IntegrityError, InterfaceError, connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from documents.models import vector_index
from documents.models.collection import Collection
from ragsite import llm

MAX_INDEXED_DIMENSIONS = 4000  # pgvector's limit for halfvec; larger vectors are scanned


class IndexState(models.TextChoices):
    DRAFT = "draft", _("draft")
    BUILDING = "building", _("being built")
    READY = "ready", _("ready")
    LIVE = "live", _("live")
    RETIRED = "retired", _("retired")


class IndexQuerySet(models.QuerySet["Index"]):
    def live(self) -> Index:
        """The index in use. Creates the first one of a new site, with the embedding model that is configured now."""
        return self.filter(state=IndexState.LIVE).first() or self._first_live()

    def live_model(self) -> str:
        """The embedding model in use; "" on a new site and while the database is away."""
        try:
            return self.filter(state=IndexState.LIVE).values_list("embedding_model", flat=True).first() or ""
        except (DatabaseError, InterfaceError):
            return ""

    def wanted(self) -> Self:
        """The indexes that every document must be in: the live one and those being built."""
        return self.filter(state__in=[IndexState.LIVE, IndexState.BUILDING])

    def cancel_building(self) -> None:
        """Stop building these indexes and retire them: they keep their chunks, and the live index still answers."""
        with transaction.atomic():
            for index in self.filter(state=IndexState.BUILDING).select_for_update():
                index.tasks.cancel()
                Index.objects.filter(pk=index.pk).update(state=IndexState.RETIRED)

    def draft(self, model: str) -> Index:
        """A new index for that embedding model, with its settings. Asks the provider for the dimensions if they are unknown."""
        embedder = llm.embedding_model(model)
        return self.create(
            embedding_model=model,
            dimensions=embedder.dimensions or llm.probe_dimensions(model),
            chunk_tokens=embedder.chunk_tokens,
            chunk_overlap=embedder.chunk_overlap,
            query_prefix=embedder.query_prefix,
            passage_prefix=embedder.passage_prefix,
            search_config=settings.TEXT_SEARCH_CONFIG,
        )

    def _first_live(self) -> Index:
        try:
            with transaction.atomic():
                index = self.draft(llm.default_embedding_model())
                index.state, index.live_at = IndexState.LIVE, timezone.now()
                index.save()
                return index
        except IntegrityError:  # another process was first
            return self.get(state=IndexState.LIVE)


class Index(models.Model):
    """Settings for splitting and embedding, and the chunks made with them. Several may be filled side by side; one is live."""

    embedding_model = models.CharField(_("embedding model"), max_length=200)
    dimensions = models.PositiveIntegerField(_("dimensions"))
    splitter = models.CharField(_("splitter"), max_length=40, default="sentences")
    chunk_tokens = models.PositiveIntegerField(_("tokens in a chunk"))
    chunk_overlap = models.PositiveIntegerField(_("tokens of overlap"))
    query_prefix = models.CharField(_("before a question"), max_length=500, default="", blank=True)
    passage_prefix = models.CharField(_("before a passage"), max_length=500, default="", blank=True)
    search_config = models.CharField(_("text search configuration"), max_length=63, default="english")
    state = models.CharField(_("state"), max_length=10, choices=IndexState, default=IndexState.DRAFT)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    live_at = models.DateTimeField(_("live since"), null=True, blank=True)

    objects = IndexQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="live"), name="single_live_index"
            )
        ]
        ordering = ["-created_at"]
        verbose_name = _("index")
        verbose_name_plural = _("indexes")

    def __str__(self) -> str:
        return f"{self.pk}: {self.embedding_model}, {self.chunk_tokens}"

    @property
    def is_live(self) -> bool:
        return self.state == IndexState.LIVE

    def embed_passages(
        self, texts: Sequence[str], *, on_progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """The vectors of the texts, in their order. Raises ProviderError."""
        return llm.embed_documents(
            texts,
            model=self.embedding_model,
            dimensions=self.dimensions,
            prefix=self.passage_prefix,
            on_progress=on_progress,
        )

    def embed_question(self, text: str) -> np.ndarray:
        """The vector to compare with those of chunks. Raises ProviderError."""
        return llm.embed_query(
            text, model=self.embedding_model, dimensions=self.dimensions, prefix=self.query_prefix
        )

    def forget_passages(self, texts: Sequence[str]) -> None:
        """Delete the cached vectors of these texts."""
        sent = [self.passage_prefix + text for text in texts]
        llm.forget_vectors(sent, model=self.embedding_model, dimensions=self.dimensions)

    @property
    def needs_vector_index(self) -> bool:
        """Whether it has none and is about to hold more chunks than a search compares exactly."""
        if self.dimensions > MAX_INDEXED_DIMENSIONS or self._has_valid_vector_index():
            return False
        return self.has_more_chunks_than(settings.EXACT_SEARCH_LIMIT // 2)

    def has_more_chunks_than(self, count: int) -> bool:
        return self.chunks.order_by()[count : count + 1].exists()

    @property
    def vector_index_name(self) -> str:
        return f"chunk_vectors_{self.pk}"

    def create_vector_index(self, *, concurrently: bool = False) -> None:
        """Create the HNSW index over this index's vectors. For many rows fill first: building it is faster than growing it."""
        if self.dimensions > MAX_INDEXED_DIMENSIONS:
            return
        vector_index.create(
            self.vector_index_name, self.pk, self.dimensions, self.chunks.count(), concurrently=concurrently
        )

    def _has_valid_vector_index(self) -> bool:
        return vector_index.is_valid(self.vector_index_name)

    def drop_vector_index(self) -> None:
        vector_index.drop(self.vector_index_name)

    def make_live(self) -> None:
        """Answer from this index from the next question on. The former live one is retired and kept, so that it can return."""
        with transaction.atomic():
            Index.objects.filter(state=IndexState.LIVE).exclude(pk=self.pk).update(state=IndexState.RETIRED)
            self.state, self.live_at = IndexState.LIVE, timezone.now()
            self.save(update_fields=["state", "live_at"])
            self._count_documents()
            Collection.objects.update(stamp=RandomUUID())

    def _count_documents(self) -> None:
        """Update what the documents' rows store about the live index: chunk count, mean vector, served version."""
        with connection.cursor() as cursor:
            cursor.execute("update documents_document set chunk_count = 0, embedding = null")
            cursor.execute(
                "update documents_document d set chunk_count = mine.count, embedding = mine.mean,"
                " serving_id = mine.version_id, ready_at = coalesce(ready_at, now()) from ("
                " select c.document_id, c.version_id, count(*) as count, avg(c.embedding) as mean"
                " from documents_chunk c where c.index_id = %s group by 1, 2"
                ") mine where d.id = mine.document_id",
                [self.pk],
            )
