"""What someone brings, before there is a row of it: its kind, its name, its title."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath
from typing import IO, cast

from django.core.files import File
from django.core.files.base import ContentFile

from documents.extraction import sniff

MARKDOWN = re.compile(
    r"^(?:#{1,6}[ \t]+\S|```|~~~)|\[[^\[\]\n]{1,500}\]\(https?://"
    r"|^[ \t>]*+\|?[ \t]*+:?-{2,}+:?[ \t]*+\|[ \t]*+(?::?-|$)",  # the line under a table's header
    re.MULTILINE,
)


def inspect(upload: File, name: str) -> tuple[str, str]:
    """Media type and sha256 of a file, leaving it at its start. Raises UnreadableFile for what cannot be read here."""
    media_type = sniff(cast("IO[bytes]", upload), name)
    digest = hashlib.sha256()
    for piece in upload.chunks():
        digest.update(piece)
    upload.seek(0)
    return media_type, digest.hexdigest()


def clean_name(name: str) -> str:
    """A file's name as a person may see it: no folders, no control characters, none that turn the writing direction."""
    last = PurePosixPath(visible(name).replace("\\", "/")).name.strip()[:255]
    return last if last.strip(". ") else "file"


def visible(text: str) -> str:
    """Without control characters and those that turn the writing direction."""
    return "".join(
        letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )


def title_of(name: str) -> str:
    """A readable title from a file's name: without its ending, with spaces."""
    return PurePosixPath(name).stem.replace("_", " ").strip() or name


def title_of_address(url: str) -> str:
    """What a web page is called before its own title is known: its address without scheme."""
    return url.partition("://")[2].rstrip("/")[:255]


def file_of_text(title: str, text: str) -> ContentFile:
    """A pasted text as a file: Markdown if it is written like it, else plain text."""
    ending = ".md" if MARKDOWN.search(text) else ".txt"
    stem = clean_name(title).replace(".", " ").strip()[:200] or "text"
    return ContentFile(text.replace("\r\n", "\n").encode(), name=stem + ending)
