"""What a content says of itself: its title, who wrote it and when, from whatever its kind of file calls these."""

from __future__ import annotations

import re
from datetime import date
from email.utils import parseaddr
from typing import NamedTuple

from documents.extraction import Extraction
from documents.sources.uploads import visible

MAX_LENGTH = 300  # characters, as a document's row has room for
# 2024-03-01 as ISO 8601, mails and Office write it; D:20240301143000+01'00' as PDF does (ISO 32000-1, 7.9.4), which
# some programs write without the letter, with strokes or with colons.
DATE = re.compile(r"(?:D:[ ]?)?(\d{4})([-/.:]?)(\d{2})\2(\d{2})(?!\d(?!\d))", re.ASCII)
# What programs write where nobody said who they are.
NOBODY = frozenset(
    ("user", "admin", "administrator", "root", "unknown", "author", "owner", "default", "anonymous", "-")
)


class EmbeddedMetadata(NamedTuple):
    """Empty where the content does not say it."""

    title: str = ""
    author: str = ""
    dated: date | None = None

    @classmethod
    def of(cls, extraction: Extraction) -> EmbeddedMetadata:
        said = extraction.metadata
        return cls(_line(extraction.title), author_in(said.get("author")), date_in(said.get("creationdate")))


def author_in(value: object) -> str:
    """A name; of a mail's sender the name without the address, where there is one."""
    line = _line(value)
    if line.startswith(("http://", "https://")):
        return ""  # Open Graph names an author by a page about them
    if "<" in line or "@" in line:
        name, address = parseaddr(line)
        line = name or address or line
    return "" if line.lower() in NOBODY else line


def date_in(value: object) -> date | None:
    """The day that a text begins with; None where it is none, or one that no calendar has."""
    found = DATE.match(str(value or "").strip())
    if not found:
        return None
    try:
        return date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        return None


def _line(value: object) -> str:
    spaced = " ".join((value if isinstance(value, str) else "").split())
    return " ".join(visible(spaced).split())[:MAX_LENGTH]
