"""Unpack attached files in a sandboxed process, treating everything it sends as untrusted."""

import base64
import binascii
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from documents.extraction.registry import MAIL
from documents.extraction.sandbox.client import fork_server
from documents.extraction.zip_guard import MAX_BYTES
from ragsite.storable import storable_at_same_length

WITH_ATTACHMENTS = frozenset((MAIL, "application/pdf"))
MAX_FILES = 100
MAX_BYTES_IN_MEMORY = 1024 * 1024
MAX_NAME_LENGTH = 200


@dataclass
class AttachedFile:
    """One attached file. `reason` is the kind of UnreadableFile if the file was not unpacked, else empty."""

    name: str
    reason: str
    file: IO[bytes]
    size: int = 0


def attached_files(path: Path, media_type: str, *, max_bytes: int) -> Iterator[AttachedFile]:
    """Yield the files attached to a mail or PDF, at most a hundred, each open until the next one is requested.

    No file exceeds `max_bytes`, and their sum does not exceed the limit for archives. Unreadable attachments are
    skipped. Raises TimeoutError if the sandboxed process sends nothing for minutes.
    """
    messages = fork_server.read(
        work="unpack",
        path=str(path.resolve()),
        media_type=media_type,
        max_bytes=max_bytes,
        max_total=MAX_BYTES,
    )
    with closing(messages):
        for number, attached in enumerate(_collect(messages, max_bytes)):
            if number == MAX_FILES:
                return
            with attached.file:
                attached.file.seek(0)
                yield attached


def _collect(messages: Iterator[dict[str, Any]], max_bytes: int) -> Iterator[AttachedFile]:
    """Yield each file once its `end` message arrives; a file cut off by a crash is dropped."""
    attached: AttachedFile | None = None
    for message in messages:
        kind = message.get("kind")
        if kind == "file":
            name = " ".join(storable_at_same_length(str(message.get("name") or "")[:MAX_NAME_LENGTH]).split())
            # The caller closes it.
            file = SpooledTemporaryFile(MAX_BYTES_IN_MEMORY, prefix="ragsite-attached-")  # noqa: SIM115
            attached = AttachedFile(name, str(message.get("reason") or "")[:40], file)
        elif kind == "piece" and attached:
            _append(attached, str(message.get("content") or ""), max_bytes)
        elif kind == "end" and attached:
            yield attached
            attached = None


def _append(attached: AttachedFile, content: str, max_bytes: int) -> None:
    try:
        piece = base64.b64decode(content)
    except binascii.Error:
        attached.reason = "damaged"
        return
    attached.size += len(piece)
    if attached.size > max_bytes:
        attached.reason = "too_large"
    else:
        attached.file.write(piece)
