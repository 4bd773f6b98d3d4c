"""What an uploaded file is, judged by its content before anything is stored; its name decides where that leaves a choice."""

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
    further_media_type,
)
from documents.extraction.text.encodings import unmarked_utf16
from documents.extraction.zip_guard import members_of, read_start

FIRST_BYTES = 4096
PDF_MARK = b"%PDF-"
PDF_MARK_WITHIN = 1024
# What a text is by the ending of its name.
TEXTS = {
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
BY_ENDING = {ending: media_type for media_type, endings in TEXTS.items() for ending in endings}
MAY_BEGIN_LIKE_HTML = ("text/markdown", "text/mdx", MAIL)
# Programs and templates that may begin like a page: read as one they would lose all that makes them what they are.
SOURCES = frozenset(
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
# Many a program exports these under the ending of the sheet or document that it wants to be opened as.
EXPORTED = {".xls": "text/csv", ".xlsx": "text/csv"}
OFFICE_ENDINGS = frozenset(
    (
        *(".docx", ".docm", ".doc", ".pptx", ".pptm", ".ppt", ".xlsx", ".xlsm"),
        *(".odt", ".ods", ".odp", ".epub", ".rtf"),
    )
)
# Under these too no text is expected: a file that is one was renamed, or is what a server sent in its place.
BINARY_ENDINGS = OFFICE_ENDINGS | frozenset(
    (
        *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".heic", ".bmp", ".tif", ".tiff", ".ico"),
        *(".mp3", ".mp4", ".m4a", ".wav", ".ogg", ".flac", ".avi", ".mov", ".mkv"),
        *(".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".jar", ".iso", ".dmg"),
        *(".exe", ".dll", ".so", ".bin", ".o", ".class", ".pyc", ".woff", ".woff2", ".ttf", ".otf"),
        *(".sqlite", ".db", ".parquet", ".pickle", ".pkl", ".npy"),
    )
)
MAGIC = {
    "zip": (b"\x1f\x8b", b"BZh", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"),
    "picture": (b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*", b"BM", b"8BPS"),
    "recording": (b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\x1aE\xdf\xa3", b"RIFF", b"MThd"),
    "program": (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa"),
}
SHORT_MARKS = (b"BM", b"MZ", b"ID3", b"RIFF")
# MP4 and its relatives name their brand; some of these are pictures.
BRAND_AT = 4
PICTURE_BRANDS = (b"heic", b"heix", b"mif1", b"avif")
WEB = re.compile(
    rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
DRAWING = re.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!(?:--|doctype\s+svg)[^>]*>\s*)*<svg\b", re.IGNORECASE)
# Office's XML of 2003, which it still exports: whatever its ending, Office opens it and can save it as today's.
XML_OF_2003 = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*\?>\s*<\?mso-application\s+progid=.(Excel|Word)\.")
FLAT_OPEN_DOCUMENT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?<office:document\s")
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
UTF8_MARK = b"\xef\xbb\xbf"
UTF32_MARK = b"\x00\x00\xfe\xff"
MIMETYPES = {kind.encode(): kind for kind in (ODT, ODS, ODP, EPUB)} | {
    f"{kind}-template".encode(): kind for kind in (ODT, ODS, ODP)
}
IWORK_ENDINGS = (".pages", ".numbers", ".key")
OFFICE_PARTS = {"word/document.xml": DOCX, "ppt/presentation.xml": PPTX, "xl/workbook.xml": XLSX}
OFFICE_FOLDERS = {"word/": DOCX, "ppt/": PPTX, "xl/": XLSX}


class Sample(NamedTuple):
    """A file to be judged: its first bytes, the ending of its name, itself."""

    first: bytes
    ending: str
    file: IO[bytes]


def sniff(content: bytes | IO[bytes], name: str) -> str:
    """The media type of a file that can be read; raises UnreadableFile with the reason for any other.

    An open file is left at its start.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    file.seek(0)
    sample = Sample(file.read(FIRST_BYTES), ending_of(name), file)
    file.seek(0)
    try:
        found = _kind_of(sample)
        is_of_unknown_ending = found == "text/plain" and sample.ending not in BY_ENDING
        return (further_media_type(name) if is_of_unknown_ending else "") or found
    except UnreadableFile as error:
        if error.kind == "unsupported" and (further := further_media_type(name)):
            return further
        raise
    finally:
        file.seek(0)


def _kind_of(sample: Sample) -> str:
    first, ending, file = sample
    if not first.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise UnreadableFile("empty")
    if _is_pdf(first, ending):
        return "application/pdf"
    if ending == ".pdf":
        raise UnreadableFile("not_pdf")
    if first.startswith(b"PK\x03\x04"):
        return _kind_of_archive(file, ending)
    if first.startswith(ole.MARK):
        raise UnreadableFile("unsupported", format=ole.kind_of(file, ending))
    if first.startswith(b"{\\rtf"):
        return RTF
    if found := _foreign_format(first):
        raise UnreadableFile("unsupported", format=found)
    return _kind_of_text(first, ending)


def _is_pdf(first: bytes, ending: str) -> bool:
    """Rubbish may stand before the mark, but a text that speaks of PDF is still a text."""
    if ending and ending in BY_ENDING:
        return first.lstrip().startswith(PDF_MARK)
    return PDF_MARK in first[:PDF_MARK_WITHIN]


def _kind_of_archive(file: IO[bytes], ending: str) -> str:
    """Documents that are archives inside say so by the names of what they hold."""
    members = members_of(file)
    if "mimetype" in members:
        declared = read_start(file, "mimetype", 100).strip()
        if declared in MIMETYPES:
            return MIMETYPES[declared]
    names = {name.lower().lstrip("/") for name in members}
    if "xl/workbook.bin" in names:
        raise UnreadableFile("unsupported", format="xlsb")
    if found := _kind_by_parts(names):
        return found
    if ending in IWORK_ENDINGS:
        raise UnreadableFile("unsupported", format="iwork")
    raise UnreadableFile("unsupported", format="misnamed" if ending in OFFICE_ENDINGS else "zip")


def _kind_by_parts(names: set[str]) -> str:
    if "meta-inf/container.xml" in names:
        return EPUB
    if "[content_types].xml" not in names:
        return ""
    whole = (kind for part, kind in OFFICE_PARTS.items() if part in names)
    parts = (
        kind for folder, kind in OFFICE_FOLDERS.items() if any(name.startswith(folder) for name in names)
    )
    return next(whole, "") or next(parts, "")


def _foreign_format(first: bytes) -> str:
    """What it is instead, as far as there is a sentence for it."""
    if first[BRAND_AT : BRAND_AT + 4] == b"ftyp":
        return "picture" if first[8:12] in PICTURE_BRANDS else "recording"
    if first.startswith(b"RIFF") and first[8:12] == b"WEBP":
        return "picture"
    for name, marks in MAGIC.items():
        # Two letters are no proof: a text may begin with BM or MZ.
        if first.startswith(marks) and not (first.startswith(SHORT_MARKS) and _looks_like_text(first)):
            return name
    return "picture" if DRAWING.match(first) else ""


def _kind_of_text(first: bytes, ending: str) -> str:
    if not _looks_like_text(first):
        raise _unsupported(ending)
    if office := XML_OF_2003.match(first):
        raise UnreadableFile("unsupported", format="xls" if office[1] == b"Excel" else "doc")
    if FLAT_OPEN_DOCUMENT.match(first):
        raise UnreadableFile("unsupported", format="flat")
    by_name = BY_ENDING.get(ending, "")
    may_be_page = by_name not in MAY_BEGIN_LIKE_HTML and ending not in SOURCES
    if may_be_page and WEB.match(_letters(first)):
        return "text/html"
    if found := by_name or EXPORTED.get(ending, ""):
        return found
    if ending in BINARY_ENDINGS:
        raise _unsupported(ending)
    return "text/plain"  # source code, settings, data: there are more endings than a list could hold


def _letters(first: bytes) -> bytes:
    """The ASCII among it, also of UTF-16, without the mark before it."""
    for mark in (UTF8_MARK, *UTF16_MARKS):
        first = first.removeprefix(mark)
    return first.replace(b"\0", b"")


def _unsupported(ending: str) -> UnreadableFile:
    if ending in BINARY_ENDINGS:
        return UnreadableFile("unsupported", format="misnamed")
    return UnreadableFile("unsupported")


def _looks_like_text(first: bytes) -> bool:
    """No control codes that no text has, but for a stray one, as where it is decoded; UTF-32 only with its mark."""
    if first.startswith((*UTF16_MARKS, UTF32_MARK)) or unmarked_utf16(first):
        return True
    codes = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 or byte == 127 for byte in first)
    return codes <= len(first) // 200 and first.count(0) * 1000 <= len(first)
