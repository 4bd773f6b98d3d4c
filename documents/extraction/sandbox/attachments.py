"""The worker's side of attached files: have them unpacked in a limited child, and trust none of what it sends."""

import base64
import binascii
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from documents.extraction.registry import MAIL
from documents.extraction.sandbox.client import nursery
from documents.extraction.sandbox.storable import storable_text
from documents.extraction.zip_guard import MAX_BYTES

WITH_ATTACHMENTS = frozenset((MAIL, "application/pdf"))
MAX_FILES = 100
IN_MEMORY = 1024 * 1024
MAX_NAME = 200


@dataclass
class AttachedFile:
    """One attached file. `reason` is the kind of UnreadableFile that it ended as, if it was not unpacked."""

    name: str
    reason: str
    file: IO[bytes]
    size: int = 0


def attached_files(path: Path, media_type: str, *, max_bytes: int) -> Iterator[AttachedFile]:
    """The files attached to a mail or PDF, at most a hundred, each open only until the next one is asked for.

    None is larger than `max_bytes`, all together no more than an archive may unpack to. What the file cannot give is
    left out: a broken one gives as much as can be read of it. Raises TimeoutError where nothing comes for minutes.
    """
    messages = nursery.read(
        work="unpack",
        path=str(path.resolve()),
        media_type=media_type,
        max_bytes=max_bytes,
        max_total=MAX_BYTES,
    )
    with closing(messages):
        for number, attached in enumerate(_gathered(messages, max_bytes)):
            if number == MAX_FILES:
                return
            with attached.file:
                attached.file.seek(0)
                yield attached


def _gathered(messages: Iterator[dict[str, Any]], max_bytes: int) -> Iterator[AttachedFile]:
    """Each file once its end has come: one that is cut off with the child that sent it is none."""
    attached: AttachedFile | None = None
    for message in messages:
        kind = message.get("kind")
        if kind == "file":
            name = " ".join(storable_text(str(message.get("name") or "")[:MAX_NAME]).split())
            file = SpooledTemporaryFile(IN_MEMORY, prefix="ragsite-attached-")  # noqa: SIM115 (whoever takes it closes it)
            attached = AttachedFile(name, str(message.get("reason") or "")[:40], file)
        elif kind == "piece" and attached:
            _add(attached, str(message.get("content") or ""), max_bytes)
        elif kind == "end" and attached:
            yield attached
            attached = None


def _add(attached: AttachedFile, content: str, max_bytes: int) -> None:
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
