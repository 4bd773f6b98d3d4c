"""Mail: who wrote what to whom and when, the text of the message, messages inside it, the names of what is attached."""

import email
import mimetypes
import re
from collections.abc import Iterator
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path

from documents.extraction.blocks.blocks import Block, PageWriter, tidy
from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import Extraction
from documents.extraction.text.markdown import with_named_rows
from documents.extraction.text.plain import MAX_BYTES, decode
from documents.extraction.web.html import read_html

SHOWN = ("From", "To", "Cc", "Date")
MAX_PARTS = 1_000
MAX_ATTACHMENTS = 100
MAX_DEPTH = 20
MAX_HEADER_LENGTH = 2_000
STAND_IN = 3  # times as many words in the HTML: the plain text only says where they are to be seen
# They prove who wrote a mail or how it is encrypted, and say nothing.
SIGNATURES = frozenset(
    (
        *("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"),
        "application/pgp-encrypted",
    )
)
BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


def load(path: Path) -> Extraction:
    """The message in pages. Of what is attached it says the names; `attached` unpacks it."""
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
    """One message and those inside it, into one text."""

    def __init__(self, writer: PageWriter) -> None:
        self.writer = writer
        self.attached: list[tuple[str, Message]] = []
        self.parts = 0

    def read(self, message: Message, level: int) -> None:
        if subject := header(message, "Subject"):
            self.writer.add([Block("heading", subject, level)])
        lines = [f"{name}: {value}" for name in SHOWN if (value := header(message, name))]
        self.writer.add([Block("paragraph", "\n".join(lines))])
        bodies, inner, attached = self._sort(message)
        for body in bodies:
            self._write(body)
        if attached:
            names = ", ".join(name for name, _part in attached)
            self.writer.add([Block("paragraph", f"Attachments: {names}")])
            self.attached += attached[: MAX_ATTACHMENTS - len(self.attached)]
        for each in inner:
            if level < MAX_DEPTH:
                self.read(each, level + 1)

    def read_bodies(self, message: Message) -> None:
        """Only its text: of a web page that was saved as a mail, the lines that head it say nothing."""
        for body in self._sort(message)[0]:
            self._write(body)

    def _sort(self, message: Message) -> tuple[list[Message], list[Message], list[tuple[str, Message]]]:
        """The parts that are its text, the messages inside it, the rest with its names."""
        bodies: list[Message] = []
        inner: list[Message] = []
        attached: list[tuple[str, Message]] = []
        waiting: list[tuple[Message, int]] = [(message, 0)]
        while waiting and self.parts < MAX_PARTS:
            part, depth = waiting.pop()
            self.parts += 1
            kind = part.get_content_type()
            if kind == "multipart/alternative" and depth < MAX_DEPTH:
                ways = children(part)
                waiting += [(each, depth + 1) for each in [*files_in(ways), *preferred(ways)]]
            elif part.is_multipart() and kind != "message/rfc822" and depth < MAX_DEPTH:
                waiting += [(each, depth + 1) for each in reversed(children(part))]
            elif kind == "message/rfc822" and part is not message:
                inner += message_in(part)
            elif kind in SIGNATURES or is_inline_picture(part):
                continue
            elif name := attachment_name(part):
                attached.append((name, part))
            elif kind in ("text/plain", "text/html"):
                bodies.append(part)
        self.writer.is_partial |= self.parts >= MAX_PARTS
        return bodies, inner, attached

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
        text = with_named_rows(text.replace("\r\n", "\n"))
        self.writer.add(Block("paragraph", tidy(piece)) for piece in BLANK_LINES.split(text))


def children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def preferred(parts: list[Message]) -> list[Message]:
    """Of the same said in several ways, the plain text, unless it only stands in for the HTML; else the richest.

    HTML may stand together with its pictures. Anything else, such as a calendar's entry, is chosen only where there
    is neither.
    """
    plain = [part for part in parts if said_as(part, "text/plain")][:1]
    rich = [part for part in parts if html_of(part)][-1:]
    if plain and rich:
        few = STAND_IN * word_count(plain[0]) < word_count(html_of(rich[0])[0])
        return rich if few else plain
    return plain or rich or parts[-1:]


def files_in(parts: list[Message], deepest: int = 3) -> list[Message]:
    """What is attached within the ways of saying the same: Apple's Mail puts it into the one with HTML."""
    found = []
    for part in parts:
        if part.is_multipart() and part.get_content_maintype() == "multipart" and deepest:
            found += files_in(children(part), deepest - 1)
        elif is_file(part):
            found.append(part)
    return found


def is_file(part: Message) -> bool:
    is_data = part.get_content_maintype() == "application" and bool(attachment_name(part))
    return not part.is_multipart() and (is_data or part.get_content_disposition() == "attachment")


def is_inline_picture(part: Message) -> bool:
    """Drawn where the HTML names it, as logos and smileys are."""
    is_picture = part.get_content_maintype() == "image" and bool(part["Content-ID"])
    return is_picture and part.get_content_disposition() != "attachment"


def message_in(part: Message) -> list[Message]:
    """The message inside; some programs encode it, which the standard forbids, and the library does not undo."""
    found = children(part)[:1]
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if found and not found[0].keys() and encoding in ("base64", "quoted-printable"):
        found[0]["Content-Transfer-Encoding"] = encoding
        content = found[0].get_payload(decode=True)
        return [email.message_from_bytes(content)] if isinstance(content, bytes) else []
    return found


def html_of(part: Message, deepest: int = 2) -> list[Message]:
    """The HTML that a part is or holds; what is in a message inside it is another's."""
    if said_as(part, "text/html"):
        return [part]
    if part.get_content_type() == "message/rfc822" or not deepest:
        return []
    return [found for each in children(part) for found in html_of(each, deepest - 1)]


def said_as(part: Message, kind: str) -> bool:
    return (
        part.get_content_type() == kind and not part.is_multipart() and bool(str(part.get_payload()).strip())
    )


def word_count(part: Message) -> int:
    """0 for what cannot be decoded."""
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
    """Of all of them and of what stands in the cells of tables, in any order."""
    waiting = list(blocks)
    while waiting:
        block = waiting.pop()
        yield block.text
        for row in block.table.rows if block.table else ():
            waiting += [each for cell in row for each in cell.blocks]


def attachment_name(part: Message) -> str:
    """The name of what is no part of the text; "" for what is."""
    for field in ("Content-Disposition", "Content-Type"):
        if not (raw := raw_header(part, field)).isascii():
            part.replace_header(field, header_text(raw.encode("utf-8", "surrogateescape"), ""))
    try:
        name = part.get_filename() or ""
    except Exception:  # the library stumbles over hostile parameters
        name = "?"
    if not name and (
        part.get_content_disposition() == "attachment" or part.get_content_maintype() == "application"
    ):
        name = nameless(part.get_content_type())
    return tidy(decoded(name)).replace("\n", " ")[:200]


def nameless(kind: str) -> str:
    """What to call a file without a name: its ending helps to read it."""
    ending = "" if kind == "application/octet-stream" else mimetypes.guess_extension(kind) or ""
    return "attachment" + ending


def header(message: Message, name: str) -> str:
    """A header's text in one line, whatever it was written in."""
    raw = raw_header(message, name)
    value = raw if raw.isascii() else header_text(raw.encode("utf-8", "surrogateescape"), "")
    return readable_date(value) if name == "Date" else tidy(decoded(value)).replace("\n", " ")


def raw_header(message: Message, name: str) -> str:
    """The header as it came; bytes that should have been encoded stand there as halves of surrogate pairs."""
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
    """As 2024-03-01 14:30, in the sender's own time; as it was written where that is no date."""
    try:
        return f"{parsedate_to_datetime(value):%Y-%m-%d %H:%M}"
    except Exception:
        return tidy(value)[:100]


def unflowed(text: str) -> str:
    """Lines that end in a space go on in the next one (RFC 3676)."""
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
