"""The models of documents, one file for each with its queryset."""

from documents.models.attempt import Attempt
from documents.models.chunk import Chunk
from documents.models.collection import Collection, Membership, Role
from documents.models.document import Document
from documents.models.index import Index
from documents.models.notice import Notice
from documents.models.page import Page
from documents.models.posting import IndexedVersion, Posting, Segment
from documents.models.states import State
from documents.models.task import Task
from documents.models.version import Version

__all__ = [
    "Attempt",
    "Chunk",
    "Collection",
    "Document",
    "Index",
    "IndexedVersion",
    "Membership",
    "Notice",
    "Page",
    "Posting",
    "Role",
    "Segment",
    "State",
    "Task",
    "Version",
]
