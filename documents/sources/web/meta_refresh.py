"""Pages that are there only to lead on: a browser leaves them after a moment for the address that their head names."""

from __future__ import annotations

import re
from html import unescape
from typing import IO

from documents.sources.web.addresses import Address

LOOKED_AT = 16 * 1024  # bytes; what leads on does so in its head
AT_ONCE = 5  # seconds; a page that may be looked at for longer is one by itself
# Each ends with the text at the latest, so that a hostile one is gone through once.
NOT_OBEYED = re.compile(
    r"<!--.*?(?:-->|\Z)|<(noscript|script|style|template|title|textarea)\b.*?(?:</\1|\Z)",
    re.DOTALL | re.IGNORECASE,
)
META = re.compile(r"<meta\s([^>]{1,4000})>", re.IGNORECASE)
ATTRIBUTE = re.compile(r"([a-z-]+)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)", re.IGNORECASE)
REFRESH = re.compile(r"\s*(\d{1,3})(?:\.\d*)?\s*[;,\s]\s*(?:url\s*=\s*)?[\"']?\s*([^\"'\s]+)", re.IGNORECASE)


def leads_on(page: IO[bytes], address: Address) -> Address | None:
    """Where the page at that address sends a browser at once, if it does. Raises UnreadableFile where that is no address."""
    page.seek(0)
    text = NOT_OBEYED.sub("", page.read(LOOKED_AT).decode(errors="replace"))
    for tag in META.finditer(text):
        said = {name.lower(): unescape(value.strip("\"'")) for name, value in ATTRIBUTE.findall(tag[1])}
        refresh = REFRESH.match(said.get("content", ""))
        if said.get("http-equiv", "").strip().lower() == "refresh" and refresh:
            target = address.followed(refresh[2])
            return target if int(refresh[1]) <= AT_ONCE and target != address else None
    return None
