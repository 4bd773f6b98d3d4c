"""The error for unreadable files, with a message for the person who uploaded the file."""

from typing import Any

from ragsite.failures import Failure


class UnreadableFile(Failure):
    """The file itself is at fault: reading it again would fail the same way."""

    def __init__(self, kind: str, **details: Any) -> None:
        super().__init__(kind)
        self.kind = kind
        self.details = details

    @property
    def sentence(self) -> Any:
        return self._wording().sentence

    @property
    def remedy(self) -> Any:
        return self._wording().remedy

    def _wording(self) -> Any:
        # Imported on use: the fork server imports this package and must not load Django.
        from documents import failure_messages

        return failure_messages.for_failure(self.kind, self.details)
