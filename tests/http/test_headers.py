"""The headers of every response, whatever part of the site sends it."""

import pytest
from django.test import Client

from ragsite.http.responses import adding_headers
from tests.http.test_access import DOORS, KNOWN, address_of, things  # noqa: F401 (a fixture)
from tests.test_logs import visit

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def assert_safe(headers, policy="default-src 'none'"):
    assert {name: headers.get(name) for name in ALWAYS} == ALWAYS
    assert policy in headers["content-security-policy"]


def headers_of(sent):
    return {name.decode().lower(): value.decode("latin-1") for name, value in sent[0]["headers"]}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "query", "more", "status"),
    [
        ("/healthz", b"", (), 200),
        ("/readyz", b"", (), 200),
        ("/static/css/base.css", b"", (), {200, 404}),
        ("/static/nothing.css", b"", (), 404),
        ("/nothing/", b"", (), 404),
        ("/account/login/", b"next=\xff", (), 400),
        ("/account/login/", b"", [(b"content-length", b"999999999999")], 413),
        ("/account/login/", b"", [(b"content-length", b"many")], {400, 413}),
    ],
)
async def test_whatever_answers_carries_the_headers_of_a_page(path, query, more, status):
    sent = await visit(path, query=query, headers=more, method="POST" if more else "GET")
    assert sent[0]["status"] in (status if isinstance(status, set) else {status})
    assert_safe(headers_of(sent))


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_site_with_https_says_so_in_every_answer(settings, scheme):
    settings.SECURE_HSTS_SECONDS = 3600
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "path": "/",
        "method": "GET",
        "scheme": scheme,
        "headers": [(b"host", b"localhost")],
    }
    await adding_headers(scope, send)({"type": "http.response.start", "status": 400, "headers": []})
    assert ("strict-transport-security" in headers_of(sent)) is (scheme == "https")


def test_no_page_of_a_person_is_kept_by_a_proxy_or_a_browser(things, alice, operator):  # noqa: F811
    wrong = []
    for person in (alice, operator):
        client = Client()
        client.force_login(person)
        for name in KNOWN:
            for method in ("get", "post"):
                door = DOORS[name]
                if name in {"accounts:logout", "qa:stream", "accounts:login"} or getattr(door, method) == 405:
                    continue
                response = getattr(client, method)(address_of(name, door, things))
                kept = response.headers.get("Cache-Control", "")
                if "private" not in kept or not ("no-store" in kept or "no-cache" in kept):
                    wrong.append((name, method, kept))
                assert_safe({key.lower(): value for key, value in response.headers.items()})
    assert wrong == []


def test_an_error_is_not_kept_either(client, alice):
    client.force_login(alice)
    assert client.get("/documents/999/").headers["Cache-Control"] == "private, no-store"
    assert client.get("/nothing/").headers["Cache-Control"] == "private, no-store"
