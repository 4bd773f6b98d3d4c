"""The inverted index of the keyword search: which chunks contain a lexeme, how often, and how long they are."""

from __future__ import annotations

import numpy as np
from django.db import models
from django.utils.translation import gettext_lazy as _

from documents.models.index import Index
from documents.models.version import Version

# One chunk of a posting, as `ENTRY_SQL` writes it: the indexed version and the chunk's position in it, as one number that
# sorts by both; the chunk's tokens; how often the lexeme occurs, which to_tsvector counts up to 255.
ENTRY = np.dtype([("key", ">i8"), ("tokens", ">i2"), ("tf", ">i2")])
POSITION_BITS = 32


class Segment(models.Model):
    """The postings of some indexed versions. It is never changed: a merge replaces several segments by one."""

    id = models.AutoField(primary_key=True)
    index = models.ForeignKey(Index, on_delete=models.CASCADE, related_name="segments")
    chunks = models.PositiveIntegerField(_("chunks"), help_text=_("Also those deleted since."))

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")

    def __str__(self) -> str:
        return f"{self.index_id}: {self.chunks}"


class IndexedVersion(models.Model):
    """A version whose chunks are in the postings of an index.

    Deleting it hides its entries at once, and a database trigger deletes a segment with its last version. A merge removes
    the entries from a segment that still has others.
    """

    id = models.AutoField(primary_key=True)  # never reused: entries outlive it
    index = models.ForeignKey(Index, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+", db_index=False)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="versions")
    chunks = models.PositiveIntegerField(_("chunks"))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "index"], include=["segment", "chunks"], name="unique_indexed_version"
            )
        ]
        verbose_name = _("indexed version")
        verbose_name_plural = _("indexed versions")

    def __str__(self) -> str:
        return f"{self.version_id} in {self.index_id}"


class Posting(models.Model):
    """The chunks of one segment that contain a lexeme, packed. A database trigger deletes it with its segment."""

    pk = models.CompositePrimaryKey("segment_id", "lexeme")
    # No constraint: checking it for each row would take longer than writing the row.
    segment = models.ForeignKey(
        Segment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    lexeme = models.TextField(db_collation="C")
    entries = models.BinaryField(_("entries"))

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("postings")

    def __str__(self) -> str:
        return f"{self.lexeme}: {len(self.unpacked)}"

    @property
    def unpacked(self) -> np.ndarray:
        """Its entries, an array of ENTRY."""
        return np.frombuffer(self.entries, ENTRY)
