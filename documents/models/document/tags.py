from __future__ import annotations

from collections.abc import Iterable

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_TAGS = 20  # of one document
MAX_LENGTH = 40  # characters of a tag


class TagsMixin(models.Model):
    """Words by which people find documents again. They change no answer."""

    tags = ArrayField(
        models.CharField(max_length=MAX_LENGTH), verbose_name=_("tags"), default=list, blank=True
    )

    class Meta:
        abstract = True

    def tag(self, tags: Iterable[str]) -> None:
        """Add tags, at most MAX_TAGS in all. Upper and lower case make no difference."""
        self.set_tags([*self.tags, *tags])

    def untag(self, tags: Iterable[str]) -> None:
        """Remove tags."""
        removed = {tag.casefold() for tag in tags}
        self.set_tags(tag for tag in self.tags if tag.casefold() not in removed)

    def set_tags(self, tags: Iterable[str]) -> None:
        """Replace the tags."""
        unique: dict[str, str] = {}
        for tag in tags:
            unique.setdefault(tag.casefold(), tag)
        self.tags = list(unique.values())[:MAX_TAGS]
        type(self)._base_manager.filter(pk=self.pk).update(tags=self.tags)


def tags_in(text: str) -> list[str]:
    """The tags of a text with commas between them, cut to MAX_LENGTH."""
    words = (" ".join(tag.split())[:MAX_LENGTH].strip() for tag in text.split(","))
    return [tag for tag in words if tag]
