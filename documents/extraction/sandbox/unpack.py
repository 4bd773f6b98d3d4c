"""What a limited child does with files that are attached to a mail or PDF: give each out by itself, as it is."""

import base64
import email
import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message as Part
from typing import Any, NamedTuple

import pypdf

from documents.extraction.blocks.blocks import PageWriter
from documents.extraction.limits import CPU_SECONDS
from documents.extraction.pdf.reader import limit_cpu
from documents.extraction.registry import MAIL
from documents.extraction.text.mail import MAX_ATTACHMENTS, MailReader

Message = dict[str, Any]

PIECE = 1024 * 1024  # bytes in a message
NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")


class Attached(NamedTuple):
    name: str
    content: bytes


def unpack(path: str, media_type: str, max_bytes: int, max_total: int) -> Iterator[Message]:
    """For each file: `file` with its name, `piece` after `piece`, `end`; one that is over the limits has a `reason` and no pieces."""
    limit_cpu(CPU_SECONDS)
    left = max_total
    for name, content in (_of_mail if media_type == MAIL else _of_pdf)(path):
        size = len(content)
        if size > max_bytes or size > left:
            reason = "too_large" if size > max_bytes else "archive_limit"
            yield {"kind": "file", "name": name, "reason": reason}
            yield {"kind": "end"}
            continue
        left -= size
        yield {"kind": "file", "name": name}
        for start in range(0, size, PIECE):
            yield {"kind": "piece", "content": base64.b64encode(content[start : start + PIECE]).decode()}
        yield {"kind": "end"}
    yield {"kind": "done"}


def _of_mail(path: str) -> Iterator[Attached]:
    with open(path, "rb") as file:
        reader = MailReader(PageWriter())
        reader.read(email.message_from_binary_file(file), level=1)
    for name, part in reader.attached:
        yield Attached(name, _payload(part))


def _payload(part: Part) -> bytes:
    """What the part holds, as far as it came. The library copies base64 four times over, and hands out a cut one as it is."""
    text = part.get_payload()
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if isinstance(text, str) and encoding == "base64":
        part.set_payload("")
        with suppress(ValueError):
            return b"".join(_decoded(text))
        part.set_payload(text)
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _decoded(text: str) -> Iterator[bytes]:
    letters = b""
    for start in range(0, len(text), PIECE):
        letters += NO_BASE64.sub(b"", text[start : start + PIECE].encode("ascii"))
        whole = len(letters) // 4 * 4
        yield base64.b64decode(letters[:whole], validate=True)
        letters = letters[whole:]
    if len(letters) > 1:
        yield base64.b64decode(letters + b"==")


def _of_pdf(path: str) -> Iterator[Attached]:
    """What cannot be unpacked is passed over: it is named on the document's page, and nothing more."""
    document = pypdf.PdfReader(path, strict=False)
    if document.is_encrypted:
        document.decrypt("")
    for number, attachment in enumerate(document.attachment_list):
        if number == MAX_ATTACHMENTS:
            return
        try:
            yield Attached(str(attachment.name), attachment.content)
        except MemoryError:
            raise
        except Exception:  # noqa: S112 (pypdf lets any kind of error out of a broken file)
            continue
