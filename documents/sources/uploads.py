"""Inspect an upload: media type, checksum, safe file name, title."""

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
    r"|^[ \t>]*+\|?[ \t]*+:?-{2,}+:?[ \t]*+\|[ \t]*+(?::?-|$)",  # the line below a table's header
    re.MULTILINE,
)


def inspect(upload: File, name: str) -> tuple[str, str]:
    """Media type and SHA-256 of a file, rewound afterwards. Raises UnreadableFile for unsupported files."""
    media_type = sniff(cast("IO[bytes]", upload), name)
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return media_type, digest.hexdigest()


def clean_name(name: str) -> str:
    """A file name that is safe to show: without folders, control characters and characters that change the text direction."""
    last = PurePosixPath(visible(name).replace("\\", "/")).name.strip()[:255]
    return last if last.strip(". ") else "file"


def visible(text: str) -> str:
    """The text without control characters and characters that change the text direction."""
    return "".join(
        letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )


def title_of(name: str) -> str:
    """A readable title from a file name: without its suffix, with spaces."""
    return PurePosixPath(name).stem.replace("_", " ").strip() or name


def title_of_address(url: str) -> str:
    """The title of a web page until it has been fetched: its address without the scheme."""
    return url.partition("://")[2].rstrip("/")[:255]


def file_of_text(title: str, text: str) -> ContentFile:
    """A pasted text as a file: Markdown if it looks like Markdown, else plain text."""
    suffix = ".md" if MARKDOWN.search(text) else ".txt"
    stem = clean_name(title).replace(".", " ").strip()[:200] or "text"
    return ContentFile(text.replace("\r\n", "\n").encode(), name=stem + suffix)
