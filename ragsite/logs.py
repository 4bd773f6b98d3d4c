"""What is written to stdout: one line a record, with the ids of the request and the job it belongs to.

Names, numbers and ids only. A line that is written here never carries a document's or a question's text, a title, a
file's name or a key; since an exception's own words may quote any of them, a traceback says types and places alone.
"""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from rq import get_current_job

logger = logging.getLogger("ragsite.request")

OUR_PACKAGES = ("ragsite", "documents", "qa")
CAME_WITH_ID = re.compile(rb"[\w.-]{1,64}", re.ASCII)
HUNG_UP = 499  # nginx's number for a visitor who left before the answer began
# What an open page asks for again and again.
POLLED_PAGES = {"metrics", "documents:changes", "operations:activity_part"}

# --- ids

_ids: ContextVar[Mapping[str, object]] = ContextVar("ids", default=MappingProxyType({}))


@contextmanager
def bound(**ids: object) -> Iterator[None]:
    """Every line that is written inside the block, also by the tasks and threads that asyncio starts in it, names these ids."""
    token = _ids.set({**_ids.get(), **ids})
    try:
        yield
    finally:
        _ids.reset(token)


def current_ids() -> Mapping[str, object]:
    """What a line written now belongs to: request, job, and whatever else was bound."""
    job = get_current_job()
    return {"job": job.id, **_ids.get()} if job else _ids.get()


# --- lines


class OneLine(logging.Formatter):
    """Text: `time LEVEL logger message request=… job=…`."""

    default_time_format = "%Y-%m-%d %H:%M:%S"
    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another handler may have left the exception's words here
        caught, record.exc_info = record.exc_info, exception_worth_telling(record)
        try:
            return super().format(record)
        finally:
            record.exc_info = caught

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = first_line(record.message)
        ids = (
            f" {name}={value}" for name, value in current_ids().items() if f"{name}=" not in record.message
        )
        return super().formatMessage(record) + "".join(ids)

    def formatException(self, exc_info: Any) -> str:
        return traceback_without_words(exc_info[1])


class OneObject(OneLine):
    """JSON: one object a line, with the fields that the record was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {"time": at, "level": record.levelname, "logger": record.name}
        line |= {"message": first_line(record.getMessage()), **extra_fields(record), **current_ids()}
        if caught := exception_worth_telling(record):
            line["traceback"] = traceback_without_words(caught[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def exception_worth_telling(record: logging.LogRecord) -> Any:
    """Not that of a request which Django refuses, such as a scanner's by a name that is not ours: one line says it all."""
    return None if record.name.startswith("django.security.") else record.exc_info


STANDARD_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def extra_fields(record: logging.LogRecord) -> dict[str, object]:
    """Numbers and words. Objects are left out: Django adds the whole request, which would write out its query."""
    given = ((name, value) for name, value in vars(record).items() if name not in STANDARD_FIELDS)
    return {name: value for name, value in given if isinstance(value, str | int | float)}


def first_line(message: str) -> str:
    """RQ writes a failed job's whole traceback as its message, with the exception's words; the rest of us writes one line."""
    line, _break, rest = message.partition("\n")
    return f"{line.rstrip()} …" if rest.strip() else line.rstrip()


def traceback_without_words(error: BaseException | None) -> str:
    """Types and places, innermost cause first. Words only of exceptions of our own, which quote nothing."""
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{frames}{named(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\n".join(reversed(parts))


def named(error: BaseException) -> str:
    """The exception as far as it can be told: its type, and the code that a system call or PostgreSQL gave."""
    kind = type(error)
    is_ours = kind.__module__.partition(".")[0] in OUR_PACKAGES
    detail = str(error) if is_ours else getattr(error, "sqlstate", None) or getattr(error, "errno", None)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name}: {detail}" if detail else name


# --- requests


@dataclass
class Request:
    """What the line of a request will say."""

    id: str
    method: str
    path: str
    status: int = HUNG_UP
    user: object = None
    page: str = ""
    began: float = field(default_factory=time.monotonic)

    @property
    def level(self) -> int:
        if self.status >= 500:
            return logging.WARNING
        return logging.DEBUG if self.page in POLLED_PAGES and self.status < 400 else logging.INFO

    def ended(self) -> None:
        values = {
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "ms": round((time.monotonic() - self.began) * 1000),
            "user": self.user,
        }
        line = " ".join(f"{name}={value}" for name, value in values.items() if value is not None)
        logger.log(self.level, "%s", line, extra=values)


_request: ContextVar[Request | None] = ContextVar("request", default=None)

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


async def logged(app: App, scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Has the app answer, under an id that the visitor is told too, and writes the request's line when all is sent."""
    # Encoded again: a line break in an address would otherwise begin a line of the visitor's own making.
    request = Request(request_id(scope), scope["method"], quote(scope["path"]))
    _request.set(request)

    async def noting(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            request.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", request.id.encode())]
        await send(message)

    with bound(request=request.id):
        try:
            await app(scope, receive, noting)
        except Exception:
            request.status = 500
            raise
        finally:
            if not scope["path"].startswith(settings.STATIC_URL):
                request.ended()


def request_id(scope: dict[str, Any]) -> str:
    """The platform's own where it gave one, so that its router's log and ours can be laid side by side."""
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if CAME_WITH_ID.fullmatch(given) else uuid4().hex[:12]


@sync_and_async_middleware
def note_user_and_page(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """What only Django knows of a request. Costs no thread and no query: a session that nobody read stays unread."""
    if iscoroutinefunction(get_response):

        async def noted(http_request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = await get_response(http_request)
            note(http_request)
            return response

        return noted

    def noted_in_sync(http_request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(http_request)
        note(http_request)
        return response

    return noted_in_sync


def note(http_request: HttpRequest) -> None:
    request = _request.get()
    if request is None:
        return
    if match := http_request.resolver_match:
        request.page = match.view_name
    # Not session.get(): where the database is away it would ask once more.
    session = getattr(getattr(http_request, "session", None), "_session_cache", {})
    request.user = session.get(SESSION_KEY)
