"""What an uploaded file is, judged by its first bytes before anything is stored."""

import re

from documents.extraction.failures import UnreadableFile

PDF_MARK = b"%PDF-"
PDF_MARK_WITHIN = 1024
MARKDOWN_ENDINGS = (".md", ".markdown", ".mdown", ".mkd")
TEXT_ENDINGS = (".txt", ".text", ".log", "")
WEB_ENDINGS = (".html", ".htm", ".xhtml", ".svg")
MAGIC = {
    "office": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
    "zip": (b"\x1f\x8b", b"BZh", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"),
    "picture": (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"BM", b"RIFF"),
    "program": (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa"),
}
OFFICE_PARTS = (b"word/", b"xl/", b"ppt/", b"[Content_Types].xml", b"mimetypeapplication/")
WEB = re.compile(
    rb"\s*(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body|svg|\?xml)\b",
    re.IGNORECASE | re.DOTALL,
)
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def sniff(first_bytes: bytes, name: str) -> str:
    """The media type of a file that can be read; raises UnreadableFile with the reason for any other."""
    ending = "." + name.lower().rpartition(".")[2] if "." in name else ""
    if not first_bytes.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise UnreadableFile("empty")
    if _is_pdf(first_bytes, ending):
        return "application/pdf"
    if ending == ".pdf":
        raise UnreadableFile("not_pdf")
    if found := _foreign_format(first_bytes, ending):
        raise UnreadableFile("unsupported", format=found)
    if not _looks_like_text(first_bytes):
        raise UnreadableFile("unsupported")
    if ending in MARKDOWN_ENDINGS:
        return "text/markdown"
    if ending in TEXT_ENDINGS:
        return "text/plain"
    raise UnreadableFile("unsupported")


def _is_pdf(first: bytes, ending: str) -> bool:
    """Rubbish may stand before the mark, but a text that speaks of PDF is still a text."""
    if ending in (*MARKDOWN_ENDINGS, *TEXT_ENDINGS) and ending:
        return first.lstrip().startswith(PDF_MARK)
    return PDF_MARK in first[:PDF_MARK_WITHIN]


def _foreign_format(first: bytes, ending: str) -> str:
    """What it is instead, as far as there is a sentence for it."""
    if first.startswith(b"PK"):
        return "office" if any(part in first for part in OFFICE_PARTS) else "zip"
    if first.startswith(b"{\\rtf"):
        return "office"
    for name, marks in MAGIC.items():
        # Two letters are no proof: a text may begin with BM or MZ.
        if first.startswith(marks) and not (
            first.startswith((b"BM", b"MZ", b"RIFF")) and _looks_like_text(first)
        ):
            return name
    is_page = WEB.match(first) and ending not in MARKDOWN_ENDINGS
    return "web" if is_page or ending in WEB_ENDINGS else ""


def _looks_like_text(first: bytes) -> bool:
    """No control codes that no text has; UTF-16 only with its mark."""
    if first.startswith(UTF16_MARKS):
        return True
    codes = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 or byte == 127 for byte in first)
    return codes <= len(first) // 200 and first.count(0) == 0
