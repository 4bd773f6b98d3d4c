"""What the site writes to its log, and what it never writes."""

import asyncio
import base64
import io
import json
import logging
import re
import sys
import zlib
from contextlib import suppress

import pytest
import requests
from django.conf import settings as settings_as_given
from django.db import DataError, connection
from django.test import Client

from documents.models import Document
from documents.work.queue import queue_connection
from qa.models import Question
from qa.views import ask
from ragsite import logs
from ragsite.asgi import application
from ragsite.configuration import environment
from tests.support.factories import make_document
from tests.support.fake_openai import KEY, running_fake_openai
from tests.support.site import Site, wait_for

TITLE, TEXT, QUESTION, ANSWER = "canarytitle", "canarytext", "canaryquestion", "canaryanswer"
CANARIES = [TITLE, TEXT, QUESTION, ANSWER, KEY]


@pytest.fixture
def written():
    """Call it with a format: from then on all that is logged, at DEBUG and by whom ever, goes into the buffer it returns."""
    handlers, root = [], logging.getLogger()
    before = root.level

    def begin(form="text"):
        handler = logging.StreamHandler(io.StringIO())
        handler.setFormatter({"text": logs.TextFormatter, "json": logs.JSONFormatter}[form]())
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        for name in ("ragsite", "documents", "qa"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        handlers.append(handler)
        return handler.stream

    yield begin
    root.setLevel(before)
    for name in ("ragsite", "documents", "qa"):
        logging.getLogger(name).setLevel(settings_as_given.LOG_LEVEL)
    for handler in handlers:
        root.removeHandler(handler)


def lines(buffer, logger):
    return [line for line in buffer.getvalue().splitlines() if f" {logger} " in line]


async def visit(path, method="GET", query=b"", headers=(), app=application):
    sent = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "",
        "headers": [(b"host", b"localhost"), *headers], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        return messages.pop() if messages else await for_ever()

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def for_ever():
    await asyncio.Event().wait()


# Requests


@pytest.mark.django_db(transaction=True)
async def test_a_request_is_one_line_without_its_query(written):
    buffer = written()
    await visit("/account/login/", query=b"next=/canary")

    (line,) = lines(buffer, "ragsite.request")
    assert re.search(r"method=GET path=/account/login/ status=\d+ ms=\d+ request=[0-9a-f]{12}$", line)
    assert "canary" not in buffer.getvalue()


@pytest.fixture
def signed_in(transactional_db, alice):
    """The header with which alice's browser comes. The application looks in a thread, hence in another transaction."""
    client = Client()
    client.force_login(alice)
    name = settings_as_given.SESSION_COOKIE_NAME
    return (b"cookie", f"{name}={client.cookies[name].value}".encode())


async def test_a_request_names_the_person_who_is_signed_in(written, alice, signed_in):
    buffer = written()
    await visit("/", headers=[signed_in])

    assert f"status=200 ms={ms(buffer)} user={alice.pk} " in lines(buffer, "ragsite.request")[0]


def ms(buffer):
    return re.search(r"ms=(\d+)", lines(buffer, "ragsite.request")[0])[1]


@pytest.mark.django_db(transaction=True)
async def test_the_platforms_id_is_kept_and_told_to_the_visitor(written):
    buffer = written()
    sent = await visit("/account/login/", headers=[(b"x-request-id", b"edge-42")])

    assert dict(sent[0]["headers"])[b"x-request-id"] == b"edge-42"
    assert lines(buffer, "ragsite.request")[0].endswith("request=edge-42")


@pytest.mark.django_db(transaction=True)
async def test_a_visitor_cannot_write_lines_of_their_own(written):
    buffer = written()
    await visit("/x\n2026-01-01 ERROR forged", headers=[(b"x-request-id", b"a\nb")])

    assert len(buffer.getvalue().splitlines()) == 1
    assert "path=/x%0A2026-01-01%20ERROR%20forged" in buffer.getvalue()
    assert re.search(r" request=[0-9a-f]{12}\n$", buffer.getvalue()), (
        "an id of our own, not the one that was sent"
    )


@pytest.mark.django_db(transaction=True)
async def test_probes_and_static_files_are_not_told(written):
    buffer = written()
    await visit("/healthz")
    await visit("/readyz")
    await visit("/static/css/none.css")

    assert lines(buffer, "ragsite.request") == []


async def test_what_an_open_page_polls_is_told_at_debug_only(written, signed_in):
    buffer = written()
    await visit("/documents/changes/", headers=[signed_in])

    assert " DEBUG ragsite.request " in lines(buffer, "ragsite.request")[0]


async def test_a_fault_of_ours_is_told_with_its_place_but_without_its_words(written, signed_in, monkeypatch):
    def broken(user, document):
        raise ValueError("canary in the words")

    monkeypatch.setattr(ask, "suggestions", broken)
    buffer = written()
    await visit("/", headers=[signed_in])

    assert "status=500" in lines(buffer, "ragsite.request")[0]
    assert " WARNING " in lines(buffer, "ragsite.request")[0]
    assert "\nValueError\n" in buffer.getvalue()
    assert "in broken" in buffer.getvalue()
    assert "canary in the words" not in buffer.getvalue().replace(
        'raise ValueError("canary in the words")', ""
    )


@pytest.mark.django_db(transaction=True)
async def test_a_scanner_that_comes_by_another_name_costs_two_lines(written, settings):
    settings.ALLOWED_HOSTS = ["ragsite.example.com"]
    buffer = written()
    await visit("/account/login/")

    assert len(lines(buffer, "django.security.DisallowedHost")) == 1
    assert "status=400" in lines(buffer, "ragsite.request")[0]
    assert "Traceback" not in buffer.getvalue()


# Formats


def record(message="call=%s", *args, level=logging.INFO, exc_info=None, **extra):
    return logging.getLogger("ragsite.x").makeRecord(
        "ragsite.x", level, "f", 1, message, args, exc_info, extra=extra
    )


def test_json_is_one_object_a_line_with_the_extra_fields_and_the_ids():
    with logs.bind_ids(request="r1"):
        line = logs.JSONFormatter().format(record("call=%s", "chat", call="chat", ms=12, request=object()))

    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == "call=chat"
    assert (told["level"], told["logger"], told["call"], told["ms"], told["request"]) == (
        "INFO", "ragsite.x", "chat", 12, "r1",
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", told["time"])


def test_json_leaves_out_objects_that_would_write_out_a_whole_request(rf):
    line = logs.JSONFormatter().format(record("%s", "Not found", request=rf.get("/?q=canary")))

    assert "canary" not in line


def test_an_id_that_the_line_names_already_is_not_repeated():
    with logs.bind_ids(job="task-1-1-0"):
        assert logs.TextFormatter().format(record("job=task-1-1-0 ms=3")).count("task-1-1-0") == 1
        assert logs.TextFormatter().format(record("call=embed")).endswith("call=embed job=task-1-1-0")


def test_a_traceback_tells_types_and_places_and_the_databases_code_but_no_words():
    try:
        try:
            raise KeyError("canary")
        except KeyError as error:
            raise DataError("canary") from error
    except DataError:
        caught = sys.exc_info()
    line = logs.TextFormatter().format(record("it failed", exc_info=caught))

    assert "KeyError" in line
    assert "django.db.utils.DataError" in line
    assert "test_logs.py" in line
    assert "canary" not in re.sub(r"raise \w+\(\"canary\"\)", "", line)


@pytest.mark.django_db(transaction=True)
def test_what_postgresql_quotes_of_a_row_is_not_told():
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 'canary'::int")
    except DataError:
        caught = sys.exc_info()
    line = logs.TextFormatter().format(record("it failed", exc_info=caught))

    assert "InvalidTextRepresentation: 22P02" in line
    assert "invalid input syntax" not in line


def test_words_that_another_handler_left_in_a_record_are_not_taken_over():
    try:
        raise ValueError("canary")
    except ValueError:
        made = record("it failed", exc_info=sys.exc_info())
    logging.Formatter().format(made)

    assert "ValueError: canary" not in logs.TextFormatter().format(made)


@pytest.mark.parametrize(("name", "value"), [("LOG_LEVEL", "chatty"), ("LOG_FORMAT", "xml")])
def test_an_invalid_setting_is_reported_with_its_choices(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(environment, "PROBLEMS", [])
    environment.env_choice(name, "INFO", ["INFO", "text"])
    (problem,) = environment.PROBLEMS
    assert problem == f"{name} is '{value}'; it must be one of INFO, text."


# Ids


@pytest.mark.django_db
def test_what_a_job_does_is_written_under_its_id(written, alice, work, fake_openai):
    task = make_document(alice).tasks.get()
    buffer = written()
    task.enqueue()
    work()

    line = lines(buffer, "ragsite.jobs")[0]
    assert f"kind=index task={task.pk} " in line
    assert f"job={task.job_id}" in line


def test_ids_reach_tasks_and_threads_that_a_request_starts():
    async def inner():
        return dict(await asyncio.to_thread(logs.current_ids))

    async def outer():
        with logs.bind_ids(request="r1", question=7):
            return await asyncio.create_task(inner())

    assert asyncio.run(outer()) == {"request": "r1", "question": 7}
    assert dict(logs.current_ids()) == {}


# Canaries: the site as it runs, all its processes talking as much as they can


@pytest.mark.slow
def test_nothing_that_people_write_and_no_key_is_ever_logged(transactional_db, tmp_path, alice):
    with running_fake_openai() as provider, Site(tmp_path, **loudest(provider)) as site:
        browser = Browser(site, alice)
        provider.answer = f"It is {ANSWER} [1]."
        browser.upload("fine")
        wait_for(lambda: Document.objects.ready().exists())
        browser.ask("fine")
        assert Question.objects.get().kind == "written"

        provider.fault("status", status=500, message=f"{TEXT} {KEY}", times=2, on="embeddings")
        browser.upload("broken")
        wait_for(lambda: Document.objects.exclude(failure="").exists())
        for name in ("reset", "no_finish", "html", "bad_key"):
            provider.fault(name, on="chat")
            browser.ask(name)
        browser.get(f"/documents/?q={QUESTION}")
        browser.get(f"/?document=0&q={QUESTION}")
        of_rq = everything_of_rq()
        told = "".join(site.log(name) for name in ("web", "worker", "clock"))

    assert "run_task" in of_rq
    assert "Traceback" in of_rq  # of the try that failed
    for outcome in ("ok", "unavailable", "interrupted", "unfinished", "bad_response", "key_refused"):
        assert f"outcome={outcome}" in told
    assert '"logger": "ragsite.request"' in told
    assert '"logger": "ragsite.jobs"' in told
    assert [canary for canary in CANARIES if canary in told + of_rq] == []
    assert [line for line in told.splitlines() if not line.startswith("{")] == []


def loudest(provider):
    return {
        "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": provider.url,
        "EMBEDDING_MODEL": "text-embedding-3-small", "CHAT_MODEL": "gpt-4.1-mini",
    }  # fmt: skip


class Browser:
    """Somebody who is signed in."""

    def __init__(self, site, user):
        self.site, self.session = site, requests.Session()
        client = Client()
        client.force_login(user)
        self.session.cookies.update({name: morsel.value for name, morsel in client.cookies.items()})
        self.get("/")

    def get(self, path):
        return self.session.get(self.site.url + path, timeout=20)

    def post(self, path, data, **more):
        token = self.session.cookies[settings_as_given.CSRF_COOKIE_NAME]
        answer = self.session.post(
            self.site.url + path, data=data, headers={"X-CSRFToken": token}, timeout=20, **more
        )
        assert answer.ok, answer.text
        return answer

    def upload(self, name):
        text = f"The {TEXT} lies in the harbour, {name}."
        self.post("/documents/upload/", {}, files={"files": (f"{TITLE} {name}.txt", text, "text/plain")})

    def ask(self, name):
        self.post("/ask/", {"text": f"Where is {QUESTION}, the {TEXT}, {name}?"})
        wait_for(lambda: not Question.objects.running().exists())


def everything_of_rq():
    """All values under RQ's keys, unpacked where RQ packs them."""
    redis = queue_connection()
    readers = {
        b"hash": lambda key: [part for pair in redis.hgetall(key).items() for part in pair],
        b"stream": lambda key: [part for _id, entry in redis.xrange(key) for part in entry.values()],
        b"string": lambda key: [redis.get(key)],
    }
    keys = list(redis.scan_iter("rq:*"))
    values = [value for key in keys for value in readers.get(redis.type(key), lambda key: [])(key)]
    return "\n".join(unpacked(value) for value in values)


def unpacked(value):
    for unpack in (zlib.decompress, lambda value: zlib.decompress(base64.b64decode(value))):
        with suppress(ValueError, zlib.error):
            return unpack(value).decode()
    return value.decode(errors="replace")
