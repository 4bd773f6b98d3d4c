"""Request bodies before they are read: who may send how much, how many at once, and how slowly."""

import asyncio
import errno
import json
from contextlib import asynccontextmanager

import pytest
from django.conf import settings as site_settings
from django.db import connection
from django.test import Client

from ragsite.asgi import application
from ragsite.database import in_thread
from ragsite.http import bodies, receiver, rejections
from ragsite.http.upload_slots import slots
from tests.support.factories import make_user

UPLOAD, SIGN_IN = "/documents/upload/", "/account/login/"
MB = 1024 * 1024
HX, JSON = (b"hx-request", b"true"), (b"accept", b"application/json")

pytestmark = pytest.mark.django_db(transaction=True)


class Visit:
    """A POST whose pieces come when the test says so. `taken` is what the site asked for and got."""

    def __init__(self, path, *headers, declared=None, app=application):
        self.pieces, self.sent, self.taken = asyncio.Queue(), [], 0
        length = [(b"content-length", str(declared).encode())] if declared is not None else []
        coding = [] if declared is not None else [(b"transfer-encoding", b"chunked")]
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": [(b"host", b"localhost"), *length, *coding, *headers],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        }  # fmt: skip
        self.task = asyncio.ensure_future(app(self.scope, self._receive, self._send))

    def piece(self, size=0, is_last=False):
        message = {"type": "http.request", "body": b"x" * size, "more_body": not is_last}
        self.pieces.put_nowait(message)

    async def _receive(self):
        message = await self.pieces.get()
        self.taken += len(message["body"])
        return message

    async def _send(self, message):
        self.sent.append(message)

    async def answered(self):
        async with asyncio.timeout(30):
            while not any("body" in message for message in self.sent):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.sent[0]["status"]

    async def ended(self):
        await asyncio.wait_for(self.task, 30)
        return self.sent[0]["status"]

    def header(self, name):
        return dict(self.sent[0]["headers"]).get(name.encode(), b"").decode()

    @property
    def text(self):
        return b"".join(message.get("body", b"") for message in self.sent).decode()


def cookie_of(user):
    client, name = Client(), site_settings.SESSION_COOKIE_NAME
    client.force_login(user)
    return (b"cookie", f"{name}={client.cookies[name].value}".encode())


@pytest.fixture
def alices(transactional_db):
    return cookie_of(make_user("alice"))


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(rejections, "DRAIN_SECONDS", 0.05)


@asynccontextmanager
async def held_open(*visits):
    yield visits
    for visit in visits:
        visit.task.cancel()
    await asyncio.gather(*(visit.task for visit in visits), return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "cookies",
    [(), ((b"cookie", b"ragsite_session=" + b"a" * 32),), ((b"cookie", b'ragsite_session="\\000"'),)],
)
async def test_not_a_byte_of_a_strangers_large_body_is_taken(cookies):
    visit = Visit(UPLOAD, (b"expect", b"100-continue"), *cookies, declared=95 * MB)
    assert await visit.ended() == 302
    assert visit.header("location") == SIGN_IN
    assert visit.taken == 0


@pytest.mark.parametrize(
    "path", [UPLOAD, SIGN_IN, "/ask/", "/nothing/", "/documents/1/replace/", "/admin/login/"]
)
async def test_a_stranger_sends_no_more_than_a_small_form_even_without_saying_how_much(path):
    visit = Visit(path)
    for _ in range(10):
        visit.piece(10 * 1024)
    assert await visit.ended() == 413
    # What comes after the refusal is let pass, and kept nowhere.
    assert bodies.MAX_ANONYMOUS_BYTES == 64 * 1024


async def test_a_stranger_signs_in_with_a_small_form(alices):
    visit = Visit(SIGN_IN, declared=20)
    visit.piece(20, is_last=True)
    assert await visit.answered() == 403, "Django's own check of the form's token"
    visit.pieces.put_nowait({"type": "http.disconnect", "body": b""})
    await visit.ended()


async def test_somebody_signed_in_may_send_a_large_file(alices):
    visit = Visit(UPLOAD, alices, declared=3 * MB)
    for _ in range(3):
        visit.piece(MB)
    await until(lambda: visit.taken == 3 * MB)
    visit.piece(0, is_last=True)
    assert await visit.answered() == 403, "it came as far as Django"
    visit.pieces.put_nowait({"type": "http.disconnect", "body": b""})
    await visit.ended()
    assert slots.total() == 0


def cookie_of_somebody_switched_off():
    user = make_user("bob")
    cookie = cookie_of(user)
    user.is_active = False
    user.save()
    return cookie


async def test_who_was_switched_off_may_send_nothing_large():
    cookie = await in_thread(cookie_of_somebody_switched_off)()
    visit = Visit(UPLOAD, HX, cookie, declared=95 * MB)
    visit.piece(0, is_last=True)
    assert await visit.ended() == 401


async def test_an_upload_after_signing_out_is_redirected_to_the_sign_in_page():
    visit = Visit(UPLOAD, HX, JSON, declared=95 * MB)
    visit.piece(0, is_last=True)
    assert await visit.ended() == 401
    assert visit.header("hx-redirect") == SIGN_IN
    assert json.loads(visit.text)["error"]


async def test_a_body_above_the_size_limit_is_refused_before_the_user_is_loaded(django_assert_num_queries):
    visit = Visit(UPLOAD, (b"cookie", b"ragsite_session=" + b"a" * 32), JSON, declared=10**12)
    visit.piece(0, is_last=True)
    assert await visit.ended() == 413
    assert "100 MB" in json.loads(visit.text)["error"]


@pytest.mark.parametrize("length", ["many", "-1", "9" * 400, "²"])
async def test_a_length_that_is_none_is_refused(length):
    visit = Visit(UPLOAD, (b"content-length", length.encode("latin-1")), declared=5)
    visit.piece(5, is_last=True)
    assert await visit.ended() == 413


async def test_one_person_sends_six_large_files_at_once(alices, transactional_db):
    bobs = await in_thread(lambda: cookie_of(make_user("bob")))()
    async with held_open(*(Visit(UPLOAD, alices, declared=3 * MB) for _ in range(6))) as visits:
        for visit in visits:
            visit.piece(1)
        await until(lambda: all(visit.taken for visit in visits))
        seventh = Visit(UPLOAD, alices, HX, declared=3 * MB)
        seventh.piece(0, is_last=True)
        assert (await seventh.ended(), seventh.header("retry-after")) == (429, "10")
        assert "Wait for some to finish" in json.loads(seventh.text)["error"]
        async with held_open(Visit(UPLOAD, bobs, declared=3 * MB)) as (other,):
            other.piece(1)
            await until(lambda: other.taken)
    assert slots.total() == 0


async def test_one_process_takes_so_many_large_files_at_once(alices, settings):
    settings.MAX_UPLOADS_AT_ONCE = 1
    async with held_open(Visit(UPLOAD, alices, declared=3 * MB)) as (first,):
        first.piece(1)
        await until(lambda: first.taken)
        second = Visit(UPLOAD, alices, declared=3 * MB)
        second.piece(0, is_last=True)
        assert (await second.ended(), second.header("retry-after")) == (503, "10")
        assert "receiving many uploads" in second.text


@pytest.mark.parametrize("limit", ["MAX_PAUSE_SECONDS", "BASE_SECONDS"])
async def test_a_body_that_does_not_come_is_not_waited_for(limit, monkeypatch):
    monkeypatch.setattr(receiver, limit, 0.05)
    visit = Visit(SIGN_IN, declared=20)
    assert await visit.ended() == 408
    assert "too slow" in visit.text


async def test_a_body_that_comes_in_drops_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(receiver, "BASE_SECONDS", 0.1)
    visit, drops = Visit(SIGN_IN, declared=2000), 0
    while not visit.sent and drops < 2000:
        visit.piece(1)
        drops += 1
        await asyncio.sleep(0.01)
    assert await visit.ended() == 408
    assert drops < 1000


async def test_a_page_that_takes_long_to_answer_is_not_ended(monkeypatch):
    monkeypatch.setattr(receiver, "BASE_SECONDS", 0.05)
    left = asyncio.Event()

    async def slow(scope, receive, send):
        await receive()
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0.3)
        assert not waiting.done()
        waiting.cancel()
        left.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def app(scope, receive, send):
        await bodies.limit_body(slow, scope, receive, send)

    visit = Visit(SIGN_IN, declared=1, app=app)
    visit.piece(1, is_last=True)
    assert await visit.ended() == 200
    assert left.is_set()


async def test_a_disk_that_is_full_while_a_body_comes_is_told_in_words(alices):
    async def full(scope, receive, send):
        raise OSError(errno.ENOSPC, "No space left on device")

    async def app(scope, receive, send):
        await bodies.limit_body(full, scope, receive, send)

    visit = Visit(UPLOAD, alices, JSON, declared=3 * MB, app=app)
    visit.piece(0, is_last=True)
    assert await visit.ended() == 507
    assert "no space left" in json.loads(visit.text)["error"]


async def test_while_the_database_is_away_a_large_body_waits_at_the_door(alices, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "/nowhere")
        visit = Visit(UPLOAD, alices, JSON, declared=3 * MB)
        visit.piece(0, is_last=True)
        assert await visit.ended() == 503
