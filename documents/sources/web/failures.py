from datetime import datetime

from documents.failure_messages import WORDINGS


class SiteAway(Exception):
    """The page cannot be had just now; another try may bring it. `not_before` is when its site wants to be asked again."""

    def __init__(self, kind: str, detail: str = "", *, not_before: datetime | None = None) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.not_before = not_before
        self.sentence = WORDINGS[kind].sentence

    @property
    def is_of_the_site(self) -> bool:
        """Whether its other pages would fare the same just now."""
        return self.kind in ("page_timeout", "page_unreachable", "page_busy")
