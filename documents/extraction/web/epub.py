"""Loader for EPUB: the chapters in reading order; each begins a new page."""

import posixpath
from pathlib import Path
from urllib.parse import unquote

from documents.extraction.blocks.blocks import Block
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import Extraction
from documents.extraction.web.html import read_html
from documents.extraction.web.xml import Attributes, XMLHandler, parse
from documents.extraction.zip_guard import Archive

MAX_CHAPTERS = 5_000
CHAPTER_TYPES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")
# Font obfuscation does not encrypt the text.
FONT_ALGORITHMS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def load(path: Path) -> Extraction:
    """Extract the spine in order, without the navigation document, which repeats the chapter titles."""
    with Archive(path) as archive:
        container = ContainerReader()
        parse(archive.pieces("META-INF/container.xml"), container)
        book = PackageReader(container.path)
        parse(archive.pieces(container.path), book)
        chapters = [chapter for chapter in book.chapters() if chapter in archive]
        reject_protected(archive, chapters)
        titles = read_titles(archive, book)
        writer = PageWriter()
        for chapter in chapters[:MAX_CHAPTERS]:
            write_chapter(archive, chapter, titles.get(chapter, ""), writer)
    return writer.extraction(book.metadata.get("title", ""), dict(book.metadata))


def write_chapter(archive: Archive, name: str, title: str, writer: PageWriter) -> None:
    try:
        page = read_html(archive.read(name))
    except UnreadableFile as error:  # the other chapters may be readable
        if error.kind == "limit":
            raise
        writer.is_partial = True
        return
    if not page.blocks:
        return
    first = next((block.text for block in page.blocks if block.kind == "heading"), "")
    writer.begin_page(title or first or page.title)
    if title and not first:
        writer.add([Block("heading", title)])
    writer.add(page.blocks)
    writer.count_hidden(page.hidden)


def reject_protected(archive: Archive, chapters: list[str]) -> None:
    if "META-INF/encryption.xml" in archive:
        reader = EncryptionReader()
        parse(archive.pieces("META-INF/encryption.xml"), reader)
        if reader.found & set(chapters):
            raise UnreadableFile("unsupported", format="copy_protected")


def read_titles(archive: Archive, book: "PackageReader") -> dict[str, str]:
    """The chapter titles from the table of contents, by file name."""
    reader = TitleReader(book.contents)
    try:
        if book.contents in archive:
            parse(archive.pieces(book.contents), reader)
    except UnreadableFile:
        return {}
    return reader.found


class ContainerReader(XMLHandler):
    path = ""

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "container:rootfile" and not self.path:
            self.path = attributes.get("full-path", "")


class PackageReader(XMLHandler):
    """Reads the package document: metadata, manifest and spine."""

    NAMES = {
        "dc:title": "title",
        "dc:creator": "author",
        "dc:language": "language",
        "dc:publisher": "publisher",
        "dc:date": "creationdate",
    }

    def __init__(self, path: str) -> None:
        self.folder = posixpath.dirname(path)
        self.metadata: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.order: list[str] = []
        self.contents = ""
        self.excluded: set[str] = set()
        self.name = ""

    def chapters(self) -> list[str]:
        return [self.files[name] for name in self.order if name in self.files and name not in self.excluded]

    def start(self, name: str, attributes: Attributes) -> None:
        self.name = self.NAMES.get(name, "")
        if name == "opf:item":
            self._file(attributes)
        elif name == "opf:itemref":
            self.order.append(attributes.get("idref", ""))

    def end(self, name: str) -> None:
        self.name = ""

    def text(self, text: str) -> None:
        # The first value of each field is kept.
        if self.name and text.strip() and self.name not in self.metadata:
            self.metadata[self.name] = text.strip()[:500]

    def _file(self, attributes: Attributes) -> None:
        path = resolve(self.folder, attributes.get("href", ""))
        kind, name = attributes.get("media-type", ""), attributes.get("id", "")
        if "nav" in attributes.get("properties", "").split():
            self.contents = path
            self.excluded.add(name)
        elif kind == "application/x-dtbncx+xml" and not self.contents:
            self.contents = path
        elif kind in CHAPTER_TYPES:
            self.files[name] = path


class TitleReader(XMLHandler):
    """Reads an EPUB 3 navigation document or an EPUB 2 NCX. The first title of a file is kept."""

    def __init__(self, path: str) -> None:
        self.folder = posixpath.dirname(path)
        self.found: dict[str, str] = {}
        self.pieces: list[str] = []
        self.target = ""
        self.is_label = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "html:a":
            self.pieces, self.is_label = [], True
            self.target = attributes.get("href", "")
        elif name == "ncx:text":
            self.pieces, self.is_label = [], True
        elif name == "ncx:content":
            self._add_title(attributes.get("src", ""))

    def end(self, name: str) -> None:
        if name == "html:a":
            self._add_title(self.target)
        if name in ("html:a", "ncx:text"):
            self.is_label = False

    def text(self, text: str) -> None:
        if self.is_label:
            self.pieces.append(text)

    def _add_title(self, target: str) -> None:
        title = " ".join("".join(self.pieces).split())[:300]
        if title:
            self.found.setdefault(resolve(self.folder, target), title)


class EncryptionReader(XMLHandler):
    """Collects the encrypted files, ignoring font obfuscation."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.is_font = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "enc:EncryptedData":
            self.is_font = False
        elif name == "enc:EncryptionMethod":
            self.is_font = attributes.get("Algorithm", "") in FONT_ALGORITHMS
        elif name == "enc:CipherReference" and not self.is_font:
            self.found.add(unquote(attributes.get("URI", "")).lstrip("/"))


def resolve(folder: str, link: str) -> str:
    """Resolve a link in a folder to a member name."""
    return posixpath.normpath(posixpath.join("/" + folder, unquote(link.partition("#")[0]))).lstrip("/")
