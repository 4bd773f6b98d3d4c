"""Hostile requests get a deliberate answer, never a 500."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from documents.models import Document
from qa.models import Share
from tests.http.test_access import DOORS, KNOWN, address_of, fill, undone
from tests.support.factories import make_indexed, make_question
from tests.support.snapshots import make_once

pytestmark = pytest.mark.django_db

VALUES = [
    "http://[", "//[::1", "http://evil.example/", "\x7f", "½", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "9" * 30, "9" * 5000, "-1", "1e9", "²", "٣", "nan", "%00", "%ff", "../../etc/passwd", "'\"><script>", "{{ 7 }}", "a" * 4000,
]  # fmt: skip
SHORT_TEXTS = ["", "a\x00b", "http://[", "9" * 30, "²", "a" * 4000]
TEXTS = [*VALUES, "\x00", "a\x00b", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), ""]
HEADERS = [
    "Accept", "Accept-Language", "Accept-Encoding", "Authorization", "Content-Type", "Forwarded", "HX-Boosted",
    "HX-Current-URL", "HX-Current-URL-URI-AutoEncoded", "HX-Prompt", "HX-Request", "HX-Target", "HX-Trigger",
    "HX-Trigger-Name", "If-Match", "If-Modified-Since", "If-None-Match", "If-Unmodified-Since", "Last-Event-ID", "Origin",
    "Range", "Referer", "Triggering-Event", "User-Agent", "X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Host",
    "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Request-Id",
]  # fmt: skip
COOKIES = [
    "ragsite_session", "ragsite_csrf", "ragsite_device", "messages", "timezone", "theme", "django_language"
]  # fmt: skip
NAMES = {
    "q", "page", "part", "state", "sort", "document", "collection", "version", "passages", "at", "width", "chosen", "next",
    "period", "person", "error", "stage", "outcome", "since", "until", "kind", "user", "code", "username", "password",
    "password1", "password2", "old_password", "new_password1", "new_password2", "first_name", "email", "text", "title", "urls",
    "action", "confirmed", "scope", "search", "model", "value", "fresh", "files", "file",
}  # fmt: skip


@pytest.fixture
def things(operator):
    """Numbers of what the operator has, so that views get past the first look."""
    make_once("weather", operator, lambda: make_indexed(operator, name="weather.txt"))
    document = Document.objects.get()
    question = make_question(operator, "Does it rain?", answer="It rains.", state="complete", kind="written")
    return {"document": document.pk, "collection": document.collection_id, "question": question.pk,
            "conversation": question.conversation_id, "pdf": document.pk, "citation": 1,
            "share": Share.objects.make(question.conversation, 7).pk}  # fmt: skip


def visitor(user=None):
    client = Client(raise_request_exception=False)
    if user:
        client.force_login(user)
    return client


def broken(responses):
    return [(what, response.status_code) for what, response in responses if response.status_code >= 500]


def test_no_header_breaks_a_page(operator):
    addresses = [
        "/",
        "/documents/",
        reverse("documents:changes"),
        "/metrics",
        reverse("accounts:login"),
    ]
    asked = [
        ((value, address, len(names)), client.get(address, headers=dict.fromkeys(names, value) | htmx))
        for client in (visitor(), visitor(operator))
        for value in VALUES
        for names, htmx in ((HEADERS, {}), (HEADERS, {"HX-Request": "true"}), (["Host"], {}))
        for address in addresses[: 1 if names == ["Host"] else None]
    ]
    assert broken(asked) == []


@pytest.mark.parametrize("name", COOKIES)
def test_no_cookie_breaks_a_page(name, operator):
    signed_in = visitor(operator).cookies.output(header="", sep=";").strip()
    cookies = [
        f"{name}={value}; {others}"
        for value in ('"aaaaaaaa\\000"', '"\\377\\376"', '"' + "a" * 31 + '\\000"', *VALUES)
        for others in ("", signed_in)
    ]
    asked = [
        (cookie, visitor().get("/documents/", headers={"Cookie": cookie.encode().decode("latin-1")}))
        for cookie in cookies
    ]
    assert broken(asked) == []


@pytest.mark.parametrize("name", [name for name in KNOWN if DOORS[name].get != 405 and name != "qa:stream"])
def test_no_query_breaks_a_page(name, things, operator):
    address, client = address_of(name, DOORS[name], things), visitor(operator)
    asked = [(value, client.get(address, dict.fromkeys(NAMES, value))) for value in TEXTS]
    asked += [("many", client.get(address, {f"a{number}": "1" for number in range(1_100)}))]
    # A site whose queue or painter is away says so with a 503.
    assert [what for what, status in broken(asked) if status != 503] == []


@pytest.mark.parametrize("name", [name for name in KNOWN if DOORS[name].post != 405])
def test_no_form_breaks_a_page(name, things, operator):
    door, wrong, client = DOORS[name], [], visitor(operator)
    address = address_of(name, door, things)
    for text in SHORT_TEXTS:
        for own in [{}, *door.forms]:
            form = dict.fromkeys(NAMES, text) | {key: fill(value, things) for key, value in own.items()}
            with undone():
                response = client.post(address, {**form, "text": text})
                wrong += [(text, response.status_code)] if response.status_code >= 500 else []
    assert [one for one in wrong if one[1] != 503] == []


@pytest.mark.parametrize("content_type", ["multipart/form-data", "", "multipart/mixed", "multipart/form-data; boundary=" + "é" * 80,
                                          "application/json", "text/plain; charset=nonsense",
                                          "application/x-www-form-urlencoded; charset=utf-7"])  # fmt: skip
def test_no_body_breaks_a_page(content_type, operator):
    for body in (b"", b"\xff\xfe\x00", b"--x\r\n\r\n", b"a=%00&b=%ff", b"{" * 5000):
        for address in (
            "/documents/upload/",
            "/ask/",
            reverse("accounts:login"),
            reverse("accounts:account"),
        ):
            for user in (None, operator):
                response = visitor(user).generic("POST", address, body, content_type)
                assert response.status_code < 500, (body, address)


@pytest.mark.parametrize(
    "path",
    ["/documents/" + "9" * 30 + "/", "/documents/" + "9" * 5000 + "/", "/c/²/", "/documents/1/pages/" + "9" * 400 + "/",
     "/%00", "/documents/%ff/", "/static/%00", "/static/../../etc/passwd", "//evil.example/", "/questions/-1/stop/"],
)  # fmt: skip
def test_no_path_breaks_the_site(path, operator):
    for user in (None, operator):
        assert visitor(user).get(path).status_code < 500


def test_the_session_of_a_cookie_that_is_no_key_is_never_asked_for(client, django_assert_num_queries, alice):
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 31 + "'"
    with django_assert_num_queries(1):  # whether there is an account
        assert client.get(reverse("accounts:login")).status_code == 200
