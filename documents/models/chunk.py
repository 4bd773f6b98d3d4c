from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, FloatField, Func, Value
from django.utils.translation import gettext_lazy as _
from pgvector import HalfVector
from pgvector.django import HalfVectorField

from documents.models.document import Document
from documents.models.index import Index
from documents.models.version import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragsite.accounts.models import User


class CosineDistanceTo(Func):
    """Cosine distance, cast to the index's dimensions: PostgreSQL uses an HNSW index only for the same cast."""

    template = "(%(expressions)s)"
    output_field = FloatField()

    def __init__(self, vector: Sequence[float], dimensions: int) -> None:
        super().__init__(F("embedding"), Value(HalfVector(list(vector)).to_text()))
        self.dimensions = int(dimensions)

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, Any]:  # type: ignore[override]
        column, column_params = compiler.compile(self.source_expressions[0])
        vector, vector_params = compiler.compile(self.source_expressions[1])
        cast = f"halfvec({self.dimensions})"
        return f"({column}::{cast} <=> {vector}::{cast})", [*column_params, *vector_params]


class ChunkQuerySet(models.QuerySet["Chunk"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        return self.filter(document__in=Document.objects.visible_to(user, operating=operating))

    def searchable(self) -> Self:
        """In the live index, of the version that the document serves."""
        return self.filter(index__state="live", document__serving=F("version"))

    def nearest_to(self, vector: Sequence[float], index: Index) -> Self:
        """The chunks of that index, nearest first, annotated with `distance` (cosine, 0 to 2)."""
        return (
            self.filter(index_id=index.pk)
            .annotate(distance=CosineDistanceTo(vector, index.dimensions))
            .order_by("distance")
        )


class ChunkManager(models.Manager.from_queryset(ChunkQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> ChunkQuerySet:
        # Loading a vector takes 0.6 ms (it comes as text), and few callers need it.
        return super().get_queryset().defer("embedding")


class Chunk(models.Model):
    """A chunk of one version of a document, in one index."""

    index = models.ForeignKey(Index, on_delete=models.CASCADE, related_name="chunks")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField(_("position"))
    text = models.TextField(_("text"))
    heading_path = ArrayField(models.TextField(), verbose_name=_("headings"), default=list)
    page_start = models.PositiveIntegerField(_("first page"))
    page_end = models.PositiveIntegerField(_("last page"))
    start = models.PositiveBigIntegerField(
        _("start"), help_text=_("Offset in the document's text, in characters.")
    )
    end = models.PositiveBigIntegerField(_("end"))
    tokens = models.PositiveIntegerField(_("tokens"))
    table_header = models.TextField(
        _("table header"),
        default="",
        db_default="",  # a worker of the version before copies chunks without it
        blank=True,
        help_text=_("The columns of the table in which it begins; embedded with it."),
    )
    embedding = HalfVectorField()  # of the index's dimensions

    objects = ChunkManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["index", "version", "position"], name="unique_chunk_position")
        ]
        ordering = ["index", "version", "position"]
        verbose_name = _("chunk")
        verbose_name_plural = _("chunks")

    def __str__(self) -> str:
        return f"{self.document}, {self.position}"

    def nearest(self, count: int = 5) -> list[Chunk]:
        """The nearest chunks of the same index, of all owners: for operators only."""
        return list(Chunk.objects.nearest_to(self.embedding, self.index).exclude(pk=self.pk)[:count])
