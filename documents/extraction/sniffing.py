"""Identify an uploaded file by its content before it is stored; its name decides ambiguous cases."""

import io
import re
from typing import IO, NamedTuple

from documents.extraction import ole
from documents.extraction.errors import UnreadableFile
from documents.extraction.registry import (
    DOCX,
    EPUB,
    MAIL,
    ODP,
    ODS,
    ODT,
    PPTX,
    RTF,
    XLSX,
    ending_of,
    extra_media_type,
)
from documents.extraction.text.encodings import detect_utf16
from documents.extraction.zip_guard import member_sizes, read_start

FIRST_BYTES = 4096
PDF_SIGNATURE = b"%PDF-"
PDF_SIGNATURE_WITHIN = 1024
# The type of a text by its file ending.
TEXT_TYPES = {
    "text/markdown": (".md", ".markdown", ".mdown", ".mkd", ".qmd", ".rmd"),
    "text/mdx": (".mdx",),
    "text/x-rst": (".rst", ".rest"),
    "text/asciidoc": (".adoc", ".asciidoc"),
    "text/org": (".org",),
    "text/plain": (".txt", ".text", ".log", ""),
    "text/html": (".html", ".htm", ".xhtml", ".xht"),
    "text/csv": (".csv", ".tsv", ".tab"),
    MAIL: (".eml", ".mht", ".mhtml"),
}
BY_ENDING = {ending: media_type for media_type, endings in TEXT_TYPES.items() for ending in endings}
MAY_START_LIKE_HTML = ("text/markdown", "text/mdx", MAIL)
# Source code and templates that may start like HTML, but must not be read as HTML.
SOURCE_CODE_ENDINGS = frozenset(
    (
        *(".php", ".phtml", ".asp", ".aspx", ".ascx", ".jsp", ".cshtml", ".razor", ".cfm"),
        *(
            ".erb",
            ".ejs",
            ".j2",
            ".jinja",
            ".jinja2",
            ".twig",
            ".liquid",
            ".hbs",
            ".mustache",
            ".tmpl",
            ".tpl",
        ),
        *(".vue", ".svelte", ".astro", ".heex", ".eex", ".blade"),
        *(".ts", ".tsx", ".js", ".jsx", ".mjs", ".py", ".rb", ".go", ".java", ".cs", ".rs", ".snap"),
    )
)
# Some programs export text under the ending of a spreadsheet.
TEXT_UNDER_SHEET_ENDING = {".xls": "text/csv", ".xlsx": "text/csv"}
OFFICE_ENDINGS = frozenset(
    (
        *(".docx", ".docm", ".doc", ".pptx", ".pptm", ".ppt", ".xlsx", ".xlsm"),
        *(".odt", ".ods", ".odp", ".epub", ".rtf"),
    )
)
# Endings of binary formats: a text under one of them was renamed, or is an error page of a server.
BINARY_ENDINGS = OFFICE_ENDINGS | frozenset(
    (
        *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".heic", ".bmp", ".tif", ".tiff", ".ico"),
        *(".mp3", ".mp4", ".m4a", ".wav", ".ogg", ".flac", ".avi", ".mov", ".mkv"),
        *(".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".jar", ".iso", ".dmg"),
        *(".exe", ".dll", ".so", ".bin", ".o", ".class", ".pyc", ".woff", ".woff2", ".ttf", ".otf"),
        *(".sqlite", ".db", ".parquet", ".pickle", ".pkl", ".npy"),
    )
)
SIGNATURES = {
    "zip": (b"\x1f\x8b", b"BZh", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"),
    "image": (b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*", b"BM", b"8BPS"),
    "recording": (b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\x1aE\xdf\xa3", b"RIFF", b"MThd"),
    "program": (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa"),
}
SHORT_SIGNATURES = (b"BM", b"MZ", b"ID3", b"RIFF")
# MP4 and related formats name their brand; some brands are images.
BRAND_OFFSET = 4
IMAGE_BRANDS = (b"heic", b"heix", b"mif1", b"avif")
HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
SVG_START = re.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!(?:--|doctype\s+svg)[^>]*>\s*)*<svg\b", re.IGNORECASE)
# Office 2003 XML, which Office still exports under several endings and can convert.
OFFICE_2003_XML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*\?>\s*<\?mso-application\s+progid=.(Excel|Word)\."
)
FLAT_OPEN_DOCUMENT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?<office:document\s")
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
UTF8_MARK = b"\xef\xbb\xbf"
UTF32_MARK = b"\x00\x00\xfe\xff"
ARCHIVE_TYPES = {kind.encode(): kind for kind in (ODT, ODS, ODP, EPUB)} | {
    f"{kind}-template".encode(): kind for kind in (ODT, ODS, ODP)
}
IWORK_ENDINGS = (".pages", ".numbers", ".key")
OFFICE_PARTS = {"word/document.xml": DOCX, "ppt/presentation.xml": PPTX, "xl/workbook.xml": XLSX}
OFFICE_FOLDERS = {"word/": DOCX, "ppt/": PPTX, "xl/": XLSX}


class Sample(NamedTuple):
    """A file to identify: its first bytes, its file ending, and the file itself."""

    start: bytes
    ending: str
    file: IO[bytes]


def sniff(content: bytes | IO[bytes], name: str) -> str:
    """Return the media type of a supported file. Raises UnreadableFile with the reason otherwise.

    An open file is left at position 0.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    file.seek(0)
    sample = Sample(file.read(FIRST_BYTES), ending_of(name), file)
    file.seek(0)
    try:
        found = _identify(sample)
        is_of_unknown_ending = found == "text/plain" and sample.ending not in BY_ENDING
        return (extra_media_type(name) if is_of_unknown_ending else "") or found
    except UnreadableFile as error:
        if error.kind == "unsupported" and (extra := extra_media_type(name)):
            return extra
        raise
    finally:
        file.seek(0)


def _identify(sample: Sample) -> str:
    start, ending, file = sample
    if not start.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise UnreadableFile("empty")
    if _is_pdf(start, ending):
        return "application/pdf"
    if ending == ".pdf":
        raise UnreadableFile("not_pdf")
    if start.startswith(b"PK\x03\x04"):
        return _identify_archive(file, ending)
    if start.startswith(ole.SIGNATURE):
        raise UnreadableFile("unsupported", format=ole.identify(file, ending))
    if start.startswith(b"{\\rtf"):
        return RTF
    if found := _foreign_format(start):
        raise UnreadableFile("unsupported", format=found)
    return _identify_text(start, ending)


def _is_pdf(start: bytes, ending: str) -> bool:
    """Allow garbage before the signature, but do not mistake a text about PDF for one."""
    if ending and ending in BY_ENDING:
        return start.lstrip().startswith(PDF_SIGNATURE)
    return PDF_SIGNATURE in start[:PDF_SIGNATURE_WITHIN]


def _identify_archive(file: IO[bytes], ending: str) -> str:
    """Identify a document format inside a ZIP archive by its member names."""
    members = member_sizes(file)
    if "mimetype" in members:
        declared = read_start(file, "mimetype", 100).strip()
        if declared in ARCHIVE_TYPES:
            return ARCHIVE_TYPES[declared]
    names = {name.lower().lstrip("/") for name in members}
    if "xl/workbook.bin" in names:
        raise UnreadableFile("unsupported", format="xlsb")
    if found := _type_by_parts(names):
        return found
    if ending in IWORK_ENDINGS:
        raise UnreadableFile("unsupported", format="iwork")
    raise UnreadableFile("unsupported", format="misnamed" if ending in OFFICE_ENDINGS else "zip")


def _type_by_parts(names: set[str]) -> str:
    if "meta-inf/container.xml" in names:
        return EPUB
    if "[content_types].xml" not in names:
        return ""
    whole = (kind for part, kind in OFFICE_PARTS.items() if part in names)
    parts = (
        kind for folder, kind in OFFICE_FOLDERS.items() if any(name.startswith(folder) for name in names)
    )
    return next(whole, "") or next(parts, "")


def _foreign_format(start: bytes) -> str:
    """The name of an unsupported binary format, if there is a message for it."""
    if start[BRAND_OFFSET : BRAND_OFFSET + 4] == b"ftyp":
        return "image" if start[8:12] in IMAGE_BRANDS else "recording"
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "image"
    for name, signatures in SIGNATURES.items():
        # Short signatures are ambiguous: a text may start with BM or MZ.
        if start.startswith(signatures) and not (
            start.startswith(SHORT_SIGNATURES) and _looks_like_text(start)
        ):
            return name
    return "image" if SVG_START.match(start) else ""


def _identify_text(start: bytes, ending: str) -> str:
    if not _looks_like_text(start):
        raise _unsupported(ending)
    if office := OFFICE_2003_XML.match(start):
        raise UnreadableFile("unsupported", format="xls" if office[1] == b"Excel" else "doc")
    if FLAT_OPEN_DOCUMENT.match(start):
        raise UnreadableFile("unsupported", format="flat")
    by_ending = BY_ENDING.get(ending, "")
    may_be_html = by_ending not in MAY_START_LIKE_HTML and ending not in SOURCE_CODE_ENDINGS
    if may_be_html and HTML_START.match(_ascii_of(start)):
        return "text/html"
    if found := by_ending or TEXT_UNDER_SHEET_ENDING.get(ending, ""):
        return found
    if ending in BINARY_ENDINGS:
        raise _unsupported(ending)
    return "text/plain"  # source code, settings and data have too many endings to list


def _ascii_of(start: bytes) -> bytes:
    """The ASCII characters of UTF-8 or UTF-16 text, without the byte-order mark."""
    for signature in (UTF8_MARK, *UTF16_MARKS):
        start = start.removeprefix(signature)
    return start.replace(b"\0", b"")


def _unsupported(ending: str) -> UnreadableFile:
    if ending in BINARY_ENDINGS:
        return UnreadableFile("unsupported", format="misnamed")
    return UnreadableFile("unsupported")


def _looks_like_text(start: bytes) -> bool:
    """Whether there are almost no control codes. UTF-32 is recognized only with a byte-order mark."""
    if start.startswith((*UTF16_MARKS, UTF32_MARK)) or detect_utf16(start):
        return True
    codes = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 or byte == 127 for byte in start)
    return codes <= len(start) // 200 and start.count(0) * 1000 <= len(start)
