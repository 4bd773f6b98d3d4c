"""Names the file of a fetched page after its address, with a suffix for its media type."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath
from urllib.parse import unquote

from documents.extraction.sniffing import HTML_START, PDF_SIGNATURE
from documents.extraction.text.encodings import actual_encoding
from documents.sources.web.addresses import Address

SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "application/rtf": ".rtf",
    "text/rtf": ".rtf",
    "message/rfc822": ".eml",
    "application/epub+zip": ".epub",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
MAX_TYPE_LENGTH = 300  # characters of a Content-Type
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
TEXT_SUFFIXES = (".txt", ".text", ".md", ".markdown", ".mdown", ".mkd", ".csv", ".tsv", ".log")
# Encodings in use on the web. Some of Python's others take very long for hostile text.
WEB_ENCODINGS = re.compile(
    r"iso-?8859-\d{1,2}|latin-?1|windows-\d{3,4}|cp\d{3,4}|utf-16-?(?:le|be)?|(?:x-)?s(?:hift_?)?jis|euc-(?:jp|kr)"
    r"|ks_c_5601-1987|iso-2022-jp|gb2312|gbk|gb18030|big5(?:-hkscs)?|koi8-[ru]|macintosh|tis-620"
)


def file_name(address: Address, content_type: str, start: bytes) -> str:
    """A name with the suffix of the file type, as for an upload. Content that starts like HTML or PDF wins over headers."""
    path = PurePosixPath(unquote(address.target.partition("?")[0]))
    media_type = media_type_in(content_type)
    stem, suffix = path.stem or address.host, path.suffix.lower()
    if start.lstrip().startswith(PDF_SIGNATURE):
        return stem + ".pdf"
    if HTML_START.match(start) and media_type not in ("text/plain", "text/markdown"):
        return stem + ".html"
    if media_type == "text/plain":
        return stem + (suffix if suffix in TEXT_SUFFIXES else ".txt")
    return stem + SUFFIXES.get(media_type, suffix)


def media_type_in(content_type: str) -> str:
    return content_type[:MAX_TYPE_LENGTH].partition(";")[0].strip().lower()


def foreign_encoding(content_type: str) -> str:
    """The encoding in the Content-Type of a text, if it is a known one other than UTF-8."""
    media_type, named = media_type_in(content_type), CHARSET.search(content_type[:MAX_TYPE_LENGTH])
    name = named[1].lower() if named else ""
    if not (
        media_type.startswith("text/") or media_type.endswith("xhtml+xml")
    ) or not WEB_ENCODINGS.fullmatch(name):
        return ""
    try:
        return codecs.lookup(actual_encoding(name)).name
    except LookupError:
        return ""
