"""Map file endings and media types to loaders, the functions that read them."""

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
    DOCX: "documents.extraction.office.docx.loader.load",
    PPTX: "documents.extraction.office.pptx.load",
    XLSX: "documents.extraction.office.xlsx.load",
    ODT: "documents.extraction.office.opendocument.loader.load",
    ODS: "documents.extraction.office.opendocument.loader.load",
    ODP: "documents.extraction.office.opendocument.loader.load",
    EPUB: "documents.extraction.web.epub.load",
    RTF: "documents.extraction.office.rtf.loader.load",
    MAIL: "documents.extraction.text.mail.load",
}
# For the file dialog; uploads are identified by their content.
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
# These start sandboxed processes themselves, to continue after a crash. All others run inside one.
SANDBOXES_ITSELF = frozenset(("documents.extraction.pdf.loader.load",))

_extra_loaders: Callable[[], Mapping[str, str]] = dict


def add_source(source: Callable[[], Mapping[str, str]]) -> None:
    """Look up extra loaders in what `source` returns on each call; they override the built-in ones."""
    global _extra_loaders
    _extra_loaders = source


def loader_for(media_type: str, name: str = "") -> str:
    """The dotted path of the loader for a file; "" if there is none."""
    extra = _extra_loaders()
    return extra.get(ending_of(name)) or extra.get(media_type) or LOADERS.get(media_type) or ""


def extra_media_type(name: str) -> str:
    """The media type of a file that only an extra loader reads; "" if none does."""
    extra = _extra_loaders()
    guess = mimetypes.guess_type(name)[0] or UNKNOWN
    return guess if ending_of(name) in extra or guess in extra else ""


def accepted_types() -> str:
    """The `accept` attribute of a file input: endings, and media types for phones."""
    return ",".join(("text/*", *ENDINGS, *(key for key in _extra_loaders() if key.startswith(".")), *LOADERS))


def ending_of(name: str) -> str:
    """The lowercase ending of a file name with its dot, such as `.docx`."""
    return PurePosixPath(name.lower()).suffix if name else ""
