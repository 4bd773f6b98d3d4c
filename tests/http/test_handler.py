"""Requests wait for a thread; who finds too many others waiting is asked to come back."""

import asyncio
import threading

import pytest
from django.http import HttpResponse
from django.urls import path

from ragsite import asgi
from ragsite.http import handler
from tests.test_logs import visit

pytestmark = pytest.mark.django_db(transaction=True)

release = threading.Event()


def slow(request):
    release.wait(20)
    return HttpResponse("done")


urlpatterns = [path("slow/", slow), path("", slow, name="home")]


def status_of(sent):
    return sent[0]["status"]


async def test_more_requests_than_threads_wait_their_turn(settings, monkeypatch):
    settings.ROOT_URLCONF = __name__
    monkeypatch.setattr(handler, "THREADS", 2)
    monkeypatch.setattr(asgi, "django_application", handler.Handler())
    release.clear()
    visits = [asyncio.create_task(visit("/slow/")) for _number in range(6)]
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in visits)
    release.set()
    assert [status_of(sent) for sent in await asyncio.gather(*visits)] == [200] * 6


async def test_beyond_the_queue_a_visitor_is_asked_to_come_back(settings, monkeypatch):
    settings.ROOT_URLCONF = __name__
    monkeypatch.setattr(handler, "MAX_REQUESTS", 1)
    release.clear()
    first = asyncio.create_task(visit("/slow/"))
    await asyncio.sleep(0.1)
    refused = await visit("/slow/")
    release.set()
    assert status_of(await first) == 200
    headers = dict(refused[0]["headers"])
    assert status_of(refused) == 503
    assert int(headers[b"Retry-After"]) > 0
    assert b"busy" in b"".join(message.get("body", b"") for message in refused)
    assert status_of(await visit("/slow/")) == 200, "the place is free again"
