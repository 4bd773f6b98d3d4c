from datetime import datetime

from django.utils.functional import Promise

from documents.failure_messages import WORDINGS
from ragsite.failures import Failure, Retry


class SiteUnavailable(Failure):
    """The page is temporarily unavailable. `not_before` is the time of the site's Retry-After header."""

    retry = Retry.LATER

    def __init__(self, kind: str, detail: str = "", *, not_before: datetime | None = None) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.not_before = not_before

    @property
    def sentence(self) -> Promise | str:
        return WORDINGS[self.kind].sentence

    @property
    def remedy(self) -> Promise | str:
        return WORDINGS[self.kind].remedy

    @property
    def affects_whole_site(self) -> bool:
        return self.kind in ("page_timeout", "page_unreachable", "page_busy")
