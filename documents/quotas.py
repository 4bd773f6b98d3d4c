"""How much one person may keep here, and how much they do."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Sum
from django.utils.translation import gettext as _

from documents.extraction import UnreadableFile

MB = 1024 * 1024
SCARCE = 0.8  # from this share on people are told how much is left


class NoRoom(UnreadableFile):
    """A document or content that its person may not add to what they keep already. The sentences do not say who that is."""

    def __init__(self, sentence: str) -> None:
        super().__init__("no_room")
        self.words = sentence

    @property
    def sentence(self) -> str:
        return self.words

    @property
    def remedy(self) -> str:
        return _(
            "Delete documents that are no longer needed, or ask the operator of this site for more room."
        )


@dataclass(frozen=True)
class Room:
    """What a person keeps in all collections: documents, and bytes of all their contents. A limit of 0 is none."""

    documents: int
    size: int

    @property
    def most_documents(self) -> int:
        return settings.MAX_DOCUMENTS_PER_PERSON

    @property
    def most_size(self) -> int:
        return settings.MAX_MB_PER_PERSON * MB

    @property
    def is_scarce(self) -> bool:
        """Whether most of it is taken."""
        kept = ((self.documents, self.most_documents), (self.size, self.most_size))
        return any(most and taken >= SCARCE * most for taken, most in kept)

    def refuse(self, *, documents: int, size: int) -> None:
        """Raises NoRoom where so much more does not fit in."""
        if documents and self.most_documents and self.documents + documents > self.most_documents:
            raise NoRoom(
                _("There is no room left for this: one person may keep %(most)s documents.")
                % {"most": f"{self.most_documents:,}"}
            )
        if self.most_size and self.size + size > self.most_size:
            raise NoRoom(
                _("There is no room left for this: one person may keep %(most)s MB.")
                % {"most": f"{settings.MAX_MB_PER_PERSON:,}"}
            )


def room_of(person_id: int) -> Room:
    from documents.models.document import Document
    from documents.models.version import Version

    contents = Version.objects.filter(document__uploaded_by=person_id)
    size = contents.aggregate(size=Sum("size"))["size"] or 0
    return Room(Document.objects.filter(uploaded_by=person_id).count(), size)


def claim(person_id: int | None, *, documents: int = 0, size: int = 0) -> None:
    """Raises NoRoom. In the transaction that adds the rows: who adds for the same person waits for its end, and counts them too."""
    if person_id is None or not (settings.MAX_DOCUMENTS_PER_PERSON or settings.MAX_MB_PER_PERSON):
        return
    list(get_user_model().objects.select_for_update(no_key=True).filter(pk=person_id).values_list("pk"))
    room_of(person_id).refuse(documents=documents, size=size)
