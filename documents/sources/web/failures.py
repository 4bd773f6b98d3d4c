from datetime import datetime

from documents.failure_messages import WORDINGS


class SiteUnavailable(Exception):
    """The page is temporarily unavailable. `not_before` is the time of the site's Retry-After header."""

    def __init__(self, kind: str, detail: str = "", *, not_before: datetime | None = None) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.not_before = not_before
        self.sentence = WORDINGS[kind].sentence

    @property
    def affects_whole_site(self) -> bool:
        """Whether other pages of the site would fail too."""
        return self.kind in ("page_timeout", "page_unreachable", "page_busy")
