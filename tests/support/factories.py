"""Rows for tests, made the way the product makes them."""

from pathlib import Path

from django.core.files.base import ContentFile

from documents.models import Collection, Document
from qa.models import Conversation, Question
from ragsite.accounts.models import User

FILES = Path(__file__).parents[1] / "files"


def make_user(name: str, **fields) -> User:
    return User.objects.create_user(name, password="correct horse battery", **fields)


def make_document(
    owner: User | None = None, text: str | bytes = "It rains in Bergen.", name: str = "weather.txt", **fields
) -> Document:
    """A document in its owner's private collection (or `collection`); waiting, its job asked for."""
    owner = owner or User.objects.filter(username="alice").first() or make_user("alice")
    collection = fields.pop("collection", None) or Collection.objects.private_to(owner)
    document, _created = Document.objects.add_file(
        collection, ContentFile(text if isinstance(text, bytes) else text.encode(), name=name), user=owner
    )
    if fields:
        Document.objects.filter(pk=document.pk).update(**fields)
        document.refresh_from_db()
    return document


def make_indexed(owner: User | None = None, text: str = "It rains in Bergen.", **fields) -> Document:
    """As `make_document`, and searchable."""
    document = make_document(owner, text, **fields)
    document.index()
    return document


def make_pdf(name: str, owner: User | None = None) -> Document:
    """One of the sample files in tests/files."""
    owner = owner or User.objects.filter(username="alice").first() or make_user("alice")
    upload = ContentFile((FILES / name).read_bytes(), name=name)
    document, _created = Document.objects.add_file(Collection.objects.private_to(owner), upload, user=owner)
    return document


def make_question(user: User, text: str = "Where does it rain?", **fields) -> Question:
    conversation = fields.pop("conversation", None) or Conversation.objects.create(user=user, title=text)
    return Question.objects.create(conversation=conversation, text=text, **fields)
