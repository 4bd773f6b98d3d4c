from __future__ import annotations

from collections.abc import Iterable, Iterator

from documents.models.index import IndexState
from documents.models.task import Kind, Task, TaskState


class DocumentTasks:
    """The tasks of one document: which one is shown in its row, and what is open or failed."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = list(tasks)

    @property
    def shown(self) -> Task | None:
        """The fetch of its web page, else indexing in the live index, else OCR that still runs."""
        indexing = self.indexing
        if indexing and indexing.state == TaskState.OPEN:
            return self.unfinished_fetch or indexing
        return self.unfinished_fetch or self.open_ocr or indexing

    @property
    def unfinished_fetch(self) -> Task | None:
        return next((task for task in self._of(Kind.FETCH) if task.state != TaskState.DONE), None)

    @property
    def indexing(self) -> Task | None:
        """The task that makes it searchable in the live index."""
        tasks = self._of(Kind.INDEX)
        return next((task for task in tasks if not task.index or task.index.state == IndexState.LIVE), None)

    @property
    def open_ocr(self) -> Task | None:
        return next((task for task in self._of(Kind.OCR) if task.state == TaskState.OPEN), None)

    @property
    def needs_password_for_ocr(self) -> bool:
        failed = (task for task in self._of(Kind.OCR) if task.state == TaskState.FAILED)
        return any(task.error_kind == "password" for task in failed)

    def _of(self, kind: Kind) -> Iterator[Task]:
        return (task for task in self._tasks if task.kind == kind)
