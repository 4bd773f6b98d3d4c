"""Finds the meta refresh of pages that only redirect to another page."""

from __future__ import annotations

import re
from html import unescape
from typing import IO

from documents.sources.web.addresses import Address

MAX_HEAD = 16 * 1024  # bytes
MAX_DELAY = 5  # seconds; a page shown for longer has content itself
# Each alternative ends at the end of the text at the latest, so that hostile input is scanned once.
IGNORED = re.compile(
    r"<!--.*?(?:-->|\Z)|<(noscript|script|style|template|title|textarea)\b.*?(?:</\1|\Z)",
    re.DOTALL | re.IGNORECASE,
)
META = re.compile(r"<meta\s([^>]{1,4000})>", re.IGNORECASE)
ATTRIBUTE = re.compile(r"([a-z-]+)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)", re.IGNORECASE)
REFRESH = re.compile(r"\s*(\d{1,3})(?:\.\d*)?\s*[;,\s]\s*(?:url\s*=\s*)?[\"']?\s*([^\"'\s]+)", re.IGNORECASE)


def refresh_target(page: IO[bytes], address: Address) -> Address | None:
    """The target of the page's immediate meta refresh, if any. Raises UnreadableFile for an invalid target."""
    page.seek(0)
    text = IGNORED.sub("", page.read(MAX_HEAD).decode(errors="replace"))
    for tag in META.finditer(text):
        attributes = {name.lower(): unescape(value.strip("\"'")) for name, value in ATTRIBUTE.findall(tag[1])}
        refresh = REFRESH.match(attributes.get("content", ""))
        if attributes.get("http-equiv", "").strip().lower() == "refresh" and refresh:
            target = address.follow(refresh[2])
            return target if int(refresh[1]) <= MAX_DELAY and target != address else None
    return None
