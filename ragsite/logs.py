"""Log formatters: one line per record, with the ids of its request and job.

Log lines contain names, numbers and ids only, never the text of a document or question, a title, a file name or a key.
An exception's message may quote any of these, so a traceback shows types and line numbers only.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from rq import get_current_job

logger = logging.getLogger("ragsite.request")

OUR_PACKAGES = ("ragsite", "documents", "qa")

# --- ids

_ids: ContextVar[Mapping[str, object]] = ContextVar("ids", default=MappingProxyType({}))


@contextmanager
def bind_ids(**ids: object) -> Iterator[None]:
    """Add ids to every log line of the block, including those of its asyncio tasks and threads."""
    token = _ids.set({**_ids.get(), **ids})
    try:
        yield
    finally:
        _ids.reset(token)


def current_ids() -> Mapping[str, object]:
    """The ids of the current context: request, job, and others that were bound."""
    job = get_current_job()
    return {"job": job.id, **_ids.get()} if job else _ids.get()


# --- lines


class TextFormatter(logging.Formatter):
    """Lines such as `time LEVEL logger message request=… job=…`."""

    default_time_format = "%Y-%m-%d %H:%M:%S"
    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another formatter may have cached the message here
        original, record.exc_info = record.exc_info, exception_to_log(record)
        try:
            return super().format(record)
        finally:
            record.exc_info = original

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = first_line(record.message)
        ids = (
            f" {name}={value}" for name, value in current_ids().items() if f"{name}=" not in record.message
        )
        return super().formatMessage(record) + "".join(ids)

    def formatException(self, exc_info: Any) -> str:
        return traceback_without_messages(exc_info[1])


class JSONFormatter(TextFormatter):
    """One JSON object per line, including the fields passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {"time": at, "level": record.levelname, "logger": record.name}
        line |= {"message": first_line(record.getMessage()), **extra_fields(record), **current_ids()}
        if exc_info := exception_to_log(record):
            line["traceback"] = traceback_without_messages(exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def exception_to_log(record: logging.LogRecord) -> Any:
    """Omit the traceback of requests that Django rejects, such as those with an unknown Host header."""
    return None if record.name.startswith("django.security.") else record.exc_info


STANDARD_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def extra_fields(record: logging.LogRecord) -> dict[str, object]:
    """Strings and numbers only: Django adds the request object, whose repr contains the query."""
    given = ((name, value) for name, value in vars(record).items() if name not in STANDARD_FIELDS)
    return {name: value for name, value in given if isinstance(value, str | int | float)}


def first_line(message: str) -> str:
    """The first line of a message: RQ logs a whole traceback, with the exception's message, as one."""
    line, _break, rest = message.partition("\n")
    return f"{line.rstrip()} …" if rest.strip() else line.rstrip()


def traceback_without_messages(error: BaseException | None) -> str:
    """Types and line numbers, innermost cause first; messages of ragsite's own exceptions only."""
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{frames}{describe(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\n".join(reversed(parts))


def describe(error: BaseException) -> str:
    """The type, with the errno or SQLSTATE, or with the message of an exception of ragsite."""
    kind = type(error)
    is_ours = kind.__module__.partition(".")[0] in OUR_PACKAGES
    detail = str(error) if is_ours else getattr(error, "sqlstate", None) or getattr(error, "errno", None)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name}: {detail}" if detail else name
