"""What a fetched page is called as a file: its address says the name, its site the kind."""

from __future__ import annotations

import codecs
import re
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import unquote

from documents.web.addresses import Address

ENDINGS = {
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
LONGEST_TYPE = 300  # characters of a Content-Type; its parser takes long over long ones
TEXTS = (".txt", ".text", ".md", ".markdown", ".mdown", ".mkd", ".csv", ".tsv", ".log")
# The encodings that the web is written in. Python knows others, some of which take very long over a hostile text.
KNOWN = re.compile(
    r"iso-?8859-\d{1,2}|latin-?1|windows-\d{3,4}|cp\d{3,4}|utf-16(?:le|be)?|(?:x-)?s(?:hift_?)?jis|euc-(?:jp|kr)"
    r"|ks_c_5601-1987|iso-2022-jp|gb2312|gbk|gb18030|big5(?:-hkscs)?|koi8-[ru]|macintosh|tis-620"
)


def file_name(address: Address, content_type: str) -> str:
    """A name with the ending by which its kind is told, as for an upload."""
    path = PurePosixPath(unquote(address.target.partition("?")[0]))
    media_type = _message(content_type).get_content_type() if content_type else ""
    stem, own = path.stem or address.host, path.suffix.lower()
    if media_type == "text/plain":
        return stem + (own if own in TEXTS else ".txt")
    if ending := ENDINGS.get(media_type):
        return stem + ending
    return stem + own


def foreign_encoding(content_type: str) -> str:
    """The encoding that the site names for a text, where it is a known one other than UTF-8."""
    message = _message(content_type)
    try:
        name = str(message.get_param("charset", "") or "").strip().lower()
    except ValueError:  # a header made to be read wrongly
        return ""
    is_text = message.get_content_maintype() == "text" or message.get_content_type().endswith("xhtml+xml")
    if not (is_text and KNOWN.fullmatch(name)):
        return ""
    name = {"iso-8859-1": "windows-1252", "latin1": "windows-1252", "latin-1": "windows-1252"}.get(name, name)
    try:
        return codecs.lookup(name.removeprefix("x-")).name
    except LookupError:
        return ""


def _message(content_type: str) -> Message:
    message = Message()
    message["Content-Type"] = content_type[:LONGEST_TYPE] or "application/octet-stream"
    return message
