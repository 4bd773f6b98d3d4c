"""Title, author and date that a file contains, whatever its format calls them."""

from __future__ import annotations

import re
from datetime import date
from email.utils import parseaddr
from typing import NamedTuple

from documents.extraction import Extraction
from documents.sources.uploads import visible

MAX_LENGTH = 300  # characters, as Document.own_title
# 2024-03-01 in ISO 8601, mails and Office; D:20240301143000+01'00' in PDF (ISO 32000-1, 7.9.4), which some programs
# write without the letter, or with slashes or colons.
DATE = re.compile(r"(?:D:[ ]?)?(\d{4})([-/.:]?)(\d{2})\2(\d{2})(?!\d(?!\d))", re.ASCII)
# Placeholders that programs write for an unknown author.
PLACEHOLDERS = frozenset(
    ("user", "admin", "administrator", "root", "unknown", "author", "owner", "default", "anonymous", "-")
)


class EmbeddedMetadata(NamedTuple):
    """Fields are empty if the file does not have them."""

    title: str = ""
    author: str = ""
    dated: date | None = None

    @classmethod
    def of(cls, extraction: Extraction) -> EmbeddedMetadata:
        metadata = extraction.metadata
        return cls(
            _line(extraction.title), author_in(metadata.get("author")), date_in(metadata.get("creationdate"))
        )


def author_in(value: object) -> str:
    """The author's name; of a mail's sender the name without the address, if there is one."""
    line = _line(value)
    if line.startswith(("http://", "https://")):
        return ""  # Open Graph has the address of a profile
    if "<" in line or "@" in line:
        name, address = parseaddr(line)
        line = name or address or line
    return "" if line.lower() in PLACEHOLDERS else line


def date_in(value: object) -> date | None:
    """The date at the start of the value; None for an invalid date."""
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
