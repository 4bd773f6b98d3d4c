"""Which function reads which kind of file: found by the ending of its name, else by its media type."""

import mimetypes
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

OFFICE = "application/vnd.openxmlformats-officedocument"
OPEN_DOCUMENT = "application/vnd.oasis.opendocument"
DOCX = f"{OFFICE}.wordprocessingml.document"
PPTX = f"{OFFICE}.presentationml.presentation"
XLSX = f"{OFFICE}.spreadsheetml.sheet"
ODT = f"{OPEN_DOCUMENT}.text"
ODS = f"{OPEN_DOCUMENT}.spreadsheet"
ODP = f"{OPEN_DOCUMENT}.presentation"
EPUB = "application/epub+zip"
RTF = "application/rtf"
MAIL = "message/rfc822"
UNKNOWN = "application/octet-stream"

LOADERS = {
    "application/pdf": "documents.extraction.pdf.loader.load",
    "text/plain": "documents.extraction.text.plain.load",
    "text/markdown": "documents.extraction.text.markdown.load",
    "text/mdx": "documents.extraction.text.markdown.load_mdx",
    "text/x-rst": "documents.extraction.text.markup.load_rst",
    "text/asciidoc": "documents.extraction.text.markup.load_asciidoc",
    "text/org": "documents.extraction.text.markup.load_org",
    "text/html": "documents.extraction.web.html.load",
    "text/csv": "documents.extraction.text.csv.load",
    DOCX: "documents.extraction.office.docx.load",
    PPTX: "documents.extraction.office.pptx.load",
    XLSX: "documents.extraction.office.xlsx.load",
    ODT: "documents.extraction.office.opendocument.load",
    ODS: "documents.extraction.office.opendocument.load",
    ODP: "documents.extraction.office.opendocument.load",
    EPUB: "documents.extraction.web.epub.load",
    RTF: "documents.extraction.office.rtf.load",
    MAIL: "documents.extraction.text.mail.load",
}
# Sniffing judges by content; these are for the file dialog, which cannot.
ENDINGS = (
    *(".pdf", ".txt", ".text", ".log", ".md", ".markdown", ".mdx", ".rst", ".adoc", ".org"),
    *(
        ".json",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".xml",
        ".py",
        ".js",
        ".ts",
        ".java",
        ".go",
        ".rs",
        ".c",
        ".sql",
    ),
    *(".docx", ".docm", ".pptx", ".pptm", ".xlsx", ".xlsm", ".odt", ".ods", ".odp", ".rtf"),
    *(".epub", ".html", ".htm", ".xhtml", ".csv", ".tsv", ".eml", ".mht", ".mhtml"),
)
# These start limited processes of their own, one after the other where one dies. Every other runs inside one.
LIMITS_ITSELF = frozenset(("documents.extraction.pdf.loader.load",))

_further: Callable[[], Mapping[str, str]] = dict


def add_from(source: Callable[[], Mapping[str, str]]) -> None:
    """Have further loaders looked up in what `source` returns, each time anew; they win over those above."""
    global _further
    _further = source


def loader_for(media_type: str, name: str = "") -> str:
    """The dotted path of the function that reads such a file; "" where there is none."""
    further = _further()
    return further.get(ending_of(name)) or further.get(media_type) or LOADERS.get(media_type) or ""


def further_media_type(name: str) -> str:
    """The media type of a file that only a loader from the settings reads; "" where none does."""
    further = _further()
    guess = mimetypes.guess_type(name)[0] or UNKNOWN
    return guess if ending_of(name) in further or guess in further else ""


def accepted_kinds() -> str:
    """What a browser may offer in its file dialog: endings, and types for phones that know no endings."""
    return ",".join(("text/*", *ENDINGS, *(key for key in _further() if key.startswith(".")), *LOADERS))


def ending_of(name: str) -> str:
    """With its dot and in small letters, as in `.docx`."""
    return PurePosixPath(name.lower()).suffix if name else ""
