"""Loader for mail: headers, message text, nested messages, and the names of attachments."""

import email
import mimetypes
import re
from collections.abc import Iterator
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path

from documents.extraction.blocks.blocks import Block, tidy
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import Extraction
from documents.extraction.text.markdown import label_tables
from documents.extraction.text.plain import MAX_BYTES, decode
from documents.extraction.web.html import read_html

SHOWN_HEADERS = ("From", "To", "Cc", "Date")
MAX_PARTS = 1_000
MAX_ATTACHMENTS = 100
MAX_DEPTH = 20
MAX_HEADER_LENGTH = 2_000
STUB_RATIO = 3  # the plain text is a stub if the HTML has so many times its words
# Signatures and encryption headers, which hold no text.
SIGNATURES = frozenset(
    (
        *("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"),
        "application/pgp-encrypted",
    )
)
BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


def load(path: Path) -> Extraction:
    """Extract the message in pages. It lists attachments by name; `sandbox.unpack` extracts them."""
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableFile("limit")
    with path.open("rb") as file:
        message = email.message_from_binary_file(file)
    if not message.keys() and not message.is_multipart():
        raise UnreadableFile("damaged")
    reader = MailReader(PageWriter())
    reader.read(message, level=1)
    metadata: dict[str, object] = {}
    if reader.attached:
        metadata["attachments"] = [name for name, _part in reader.attached]
    for name, field in (("author", "From"), ("creationdate", "Date")):
        if value := header(message, field):
            metadata[name] = value[:500]
    return reader.writer.extraction(header(message, "Subject"), metadata)


class MailReader:
    """Writes a message and its nested messages as one text."""

    def __init__(self, writer: PageWriter) -> None:
        self.writer = writer
        self.attached: list[tuple[str, Message]] = []
        self.parts = 0

    def read(self, message: Message, level: int) -> None:
        """Write subject, headers, bodies, attachment names and nested messages."""
        if subject := header(message, "Subject"):
            self.writer.add([Block("heading", subject, level)])
        lines = [f"{name}: {value}" for name in SHOWN_HEADERS if (value := header(message, name))]
        self.writer.add([Block("paragraph", "\n".join(lines))])
        bodies, nested, attached = self._classify(message)
        for body in bodies:
            self._write(body)
        if attached:
            names = ", ".join(name for name, _part in attached)
            self.writer.add([Block("paragraph", f"Attachments: {names}")])
            self.attached += attached[: MAX_ATTACHMENTS - len(self.attached)]
        for each in nested:
            if level < MAX_DEPTH:
                self.read(each, level + 1)

    def read_bodies(self, message: Message) -> None:
        """Write only the bodies: the headers of a web page saved as mail carry no information."""
        for body in self._classify(message)[0]:
            self._write(body)

    def _classify(self, message: Message) -> tuple[list[Message], list[Message], list[tuple[str, Message]]]:
        """Return the body parts, the nested messages, and the attachments with their names."""
        bodies: list[Message] = []
        nested: list[Message] = []
        attached: list[tuple[str, Message]] = []
        pending: list[tuple[Message, int]] = [(message, 0)]
        while pending and self.parts < MAX_PARTS:
            part, depth = pending.pop()
            self.parts += 1
            kind = part.get_content_type()
            if kind == "multipart/alternative" and depth < MAX_DEPTH:
                alternatives = subparts(part)
                pending += [
                    (each, depth + 1)
                    for each in [*attachments_in(alternatives), *preferred_alternatives(alternatives)]
                ]
            elif part.is_multipart() and kind != "message/rfc822" and depth < MAX_DEPTH:
                pending += [(each, depth + 1) for each in reversed(subparts(part))]
            elif kind == "message/rfc822" and part is not message:
                nested += message_in(part)
            elif kind in SIGNATURES or is_inline_image(part):
                continue
            elif name := attachment_name(part):
                attached.append((name, part))
            elif kind in ("text/plain", "text/html"):
                bodies.append(part)
        self.writer.is_partial |= self.parts >= MAX_PARTS
        return bodies, nested, attached

    def _write(self, part: Message) -> None:
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            return
        charset = str(part.get_content_charset() or "")
        try:
            if part.get_content_type() == "text/html":
                page = read_html(content, charset)
                self.writer.add(page.blocks)
                self.writer.count_hidden(page.hidden)
                return
            text = decode(content, charset)
        except UnreadableFile:
            self.writer.is_partial = True
            return
        if str(part.get_param("format", "")).lower() == "flowed":
            text = unflowed(text)
        text = label_tables(text.replace("\r\n", "\n"))
        self.writer.add(Block("paragraph", tidy(piece)) for piece in BLANK_LINES.split(text))


def subparts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def preferred_alternatives(parts: list[Message]) -> list[Message]:
    """Choose the plain text unless it is a stub for the HTML, else the HTML, else the last alternative.

    The HTML may be wrapped with its images. Other types, such as a calendar entry, are chosen only without both.
    """
    plain = [part for part in parts if has_type(part, "text/plain")][:1]
    rich = [part for part in parts if html_of(part)][-1:]
    if plain and rich:
        few = STUB_RATIO * word_count(plain[0]) < word_count(html_of(rich[0])[0])
        return rich if few else plain
    return plain or rich or parts[-1:]


def attachments_in(parts: list[Message], max_depth: int = 3) -> list[Message]:
    """Find attachments inside alternatives: Apple Mail nests them in the HTML alternative."""
    found = []
    for part in parts:
        if part.is_multipart() and part.get_content_maintype() == "multipart" and max_depth:
            found += attachments_in(subparts(part), max_depth - 1)
        elif is_attachment(part):
            found.append(part)
    return found


def is_attachment(part: Message) -> bool:
    is_data = part.get_content_maintype() == "application" and bool(attachment_name(part))
    return not part.is_multipart() and (is_data or part.get_content_disposition() == "attachment")


def is_inline_image(part: Message) -> bool:
    """Whether the HTML displays the image inline, such as a logo or an emoji."""
    is_image = part.get_content_maintype() == "image" and bool(part["Content-ID"])
    return is_image and part.get_content_disposition() != "attachment"


def message_in(part: Message) -> list[Message]:
    """Return the nested message, decoding one that was encoded against the standard (RFC 2046, 5.2.1)."""
    found = subparts(part)[:1]
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if found and not found[0].keys() and encoding in ("base64", "quoted-printable"):
        found[0]["Content-Transfer-Encoding"] = encoding
        content = found[0].get_payload(decode=True)
        return [email.message_from_bytes(content)] if isinstance(content, bytes) else []
    return found


def html_of(part: Message, max_depth: int = 2) -> list[Message]:
    """The HTML parts of a part, without those of nested messages."""
    if has_type(part, "text/html"):
        return [part]
    if part.get_content_type() == "message/rfc822" or not max_depth:
        return []
    return [found for each in subparts(part) for found in html_of(each, max_depth - 1)]


def has_type(part: Message, kind: str) -> bool:
    return (
        part.get_content_type() == kind and not part.is_multipart() and bool(str(part.get_payload()).strip())
    )


def word_count(part: Message) -> int:
    """The number of words in a text part; 0 if it cannot be decoded."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return 0
    charset = str(part.get_content_charset() or "")
    try:
        if part.get_content_type() == "text/html":
            return sum(len(text.split()) for text in texts_of(read_html(content, charset).blocks))
        return len(decode(content, charset).split())
    except UnreadableFile:
        return 0


def texts_of(blocks: list[Block]) -> Iterator[str]:
    """Yield the texts of blocks and of their table cells, in any order."""
    pending = list(blocks)
    while pending:
        block = pending.pop()
        yield block.text
        for row in block.table.rows if block.table else ():
            pending += [each for cell in row for each in cell.blocks]


def attachment_name(part: Message) -> str:
    """The name of an attachment; "" for a body part."""
    for field in ("Content-Disposition", "Content-Type"):
        if not (raw := raw_header(part, field)).isascii():
            part.replace_header(field, header_text(raw.encode("utf-8", "surrogateescape"), ""))
    try:
        name = part.get_filename() or ""
    except Exception:  # the library raises various errors on malformed parameters
        name = "?"
    if not name and (
        part.get_content_disposition() == "attachment" or part.get_content_maintype() == "application"
    ):
        name = default_name(part.get_content_type())
    return tidy(decoded(name)).replace("\n", " ")[:200]


def default_name(kind: str) -> str:
    """A name for an unnamed attachment, with the file ending that its type implies."""
    ending = "" if kind == "application/octet-stream" else mimetypes.guess_extension(kind) or ""
    return "attachment" + ending


def header(message: Message, name: str) -> str:
    """A header's decoded text on one line."""
    raw = raw_header(message, name)
    value = raw if raw.isascii() else header_text(raw.encode("utf-8", "surrogateescape"), "")
    return readable_date(value) if name == "Date" else tidy(decoded(value)).replace("\n", " ")


def raw_header(message: Message, name: str) -> str:
    """The undecoded header, with surrogate escapes for bytes beyond ASCII."""
    return next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")


def decoded(value: str) -> str:
    try:
        pieces = decode_header(value[:MAX_HEADER_LENGTH])
    except Exception:
        return value[:MAX_HEADER_LENGTH]
    return "".join(
        piece if isinstance(piece, str) else header_text(piece, charset or "") for piece, charset in pieces
    )


def header_text(piece: bytes, charset: str) -> str:
    try:
        return decode(piece, charset)
    except UnreadableFile:
        return piece.decode("latin-1")


def readable_date(value: str) -> str:
    """Format a date as 2024-03-01 14:30 in the sender's time zone; return an invalid one unchanged."""
    try:
        return f"{parsedate_to_datetime(value):%Y-%m-%d %H:%M}"
    except Exception:
        return tidy(value)[:100]


def unflowed(text: str) -> str:
    """Join the soft line breaks of format=flowed (RFC 3676)."""
    return "\n".join(_joined(text.split("\n")))


def _joined(lines: list[str]) -> Iterator[str]:
    pieces: list[str] = []
    for line in lines:
        pieces.append(line.removeprefix(" ") if pieces else line)
        if not line.endswith(" ") or line == "-- ":
            yield "".join(pieces)
            pieces = []
    if pieces:
        yield "".join(pieces)
