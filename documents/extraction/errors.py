"""Why a file could not be read, in words for the person who uploaded it."""

from typing import Any


class UnreadableFile(Exception):
    """The file itself is the trouble: reading it again would end the same way.

    `kind` is stored and tested for; `sentence` and `remedy` are translated when they are shown.
    """

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
        # Imported late: the fork server imports this package and must hold nothing but the PDF libraries.
        from documents import failure_messages

        return failure_messages.for_failure(self.kind, self.details)
