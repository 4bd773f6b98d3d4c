"""Sandboxed request `unpack`: send the files attached to a mail or PDF."""

import base64
import email
import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message as Part
from typing import Any, NamedTuple

import pypdf

from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.limits import CPU_SECONDS
from documents.extraction.pdf.reader import limit_cpu
from documents.extraction.registry import MAIL
from documents.extraction.text.mail import MAX_ATTACHMENTS, MailReader

Message = dict[str, Any]

MESSAGE_BYTES = 1024 * 1024
NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")


class Attached(NamedTuple):
    name: str
    content: bytes


def unpack(path: str, media_type: str, max_bytes: int, max_total: int) -> Iterator[Message]:
    """Yield `file`, `piece`s and `end` for each file. A file over the limits has a `reason` and no pieces."""
    limit_cpu(CPU_SECONDS)
    left = max_total
    for name, content in (_files_in_mail if media_type == MAIL else _files_in_pdf)(path):
        size = len(content)
        if size > max_bytes or size > left:
            reason = "too_large" if size > max_bytes else "archive_limit"
            yield {"kind": "file", "name": name, "reason": reason}
            yield {"kind": "end"}
            continue
        left -= size
        yield {"kind": "file", "name": name}
        for start in range(0, size, MESSAGE_BYTES):
            yield {
                "kind": "piece",
                "content": base64.b64encode(content[start : start + MESSAGE_BYTES]).decode(),
            }
        yield {"kind": "end"}
    yield {"kind": "done"}


def _files_in_mail(path: str) -> Iterator[Attached]:
    with open(path, "rb") as file:
        reader = MailReader(PageWriter())
        reader.read(email.message_from_binary_file(file), level=1)
    for name, part in reader.attached:
        yield Attached(name, _payload(part))


def _payload(part: Part) -> bytes:
    """Decode the part's payload, even if truncated. The library copies base64 four times and leaves truncated base64 encoded."""
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
    for start in range(0, len(text), MESSAGE_BYTES):
        letters += NOT_BASE64.sub(b"", text[start : start + MESSAGE_BYTES].encode("ascii"))
        whole = len(letters) // 4 * 4
        yield base64.b64decode(letters[:whole], validate=True)
        letters = letters[whole:]
    if len(letters) > 1:
        yield base64.b64decode(letters + b"==")


def _files_in_pdf(path: str) -> Iterator[Attached]:
    """Skip attachments that pypdf cannot decode; the document's page still names them."""
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
        # pypdf raises any kind of error on a broken file.
        except Exception:  # noqa: S112
            continue
