import threading
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from ragsite.accounts import setup_code
from ragsite.accounts.models import User

ACCOUNT = {"username": "olga", "password1": "a long quiet evening", "password2": "a long quiet evening"}
GOOD = {**ACCOUNT, "code": setup_code.code()}
HERE = {"HTTP_HOST": "localhost:8000"}
AFAR = {"REMOTE_ADDR": "203.0.113.7"}


@pytest.fixture
def _any_host(settings):
    settings.ALLOWED_HOSTS = ["*"]


def sign_in(client, name="alice", password="correct horse battery", **extra):
    return client.post(reverse("accounts:login"), {"username": name, "password": password}, **extra)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["home", "documents:list", "accounts:account", "accounts:login"])
def test_without_an_account_every_page_redirects_to_set_up(client, name):
    response = client.get(reverse(name), follow=True)
    assert response.redirect_chain[-1][0] == reverse("accounts:setup")
    assert "Create the first account" in response.text


@pytest.mark.django_db
def test_the_first_account_runs_the_site_and_is_signed_in(client):
    response = client.post(reverse("accounts:setup"), GOOD, **HERE)
    olga = User.objects.get()
    assert response.url == reverse("home")
    assert (olga.username, olga.is_superuser, olga.is_staff) == ("olga", True, True)
    assert client.session["_auth_user_id"] == str(olga.pk)


@pytest.mark.django_db
def test_a_weak_password_is_refused_with_the_reason(client):
    response = client.post(
        reverse("accounts:setup"), {**GOOD, "password1": "12345678", "password2": "12345678"}, **HERE
    )
    assert "too common" in response.text
    assert not User.objects.exists()


def test_set_up_is_closed_once_an_account_exists(client, alice):
    assert client.get(reverse("accounts:setup")).url == reverse("home")
    assert client.post(reverse("accounts:setup"), GOOD).url == reverse("home")
    assert User.objects.get() == alice


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_set_ups_only_one_creates_an_operator():
    barrier = threading.Barrier(2)

    def create(name: str) -> None:
        barrier.wait()
        Client().post(
            reverse("accounts:setup"), {**GOOD, "username": name}, headers={"host": HERE["HTTP_HOST"]}
        )
        connection.close()

    threads = [threading.Thread(target=create, args=[name]) for name in ("olga", "otto")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("_any_host")
@pytest.mark.parametrize(
    "extra",
    [
        HERE,
        {"HTTP_HOST": "[::1]:8000", "REMOTE_ADDR": "::1"},
        {**HERE, **AFAR},
        {"HTTP_HOST": "docs.example.org"},
        {**HERE, "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
    ],
    ids=[
        "this machine, or a proxy on it",
        "the same by IPv6",
        "another machine",
        "a name of its own",
        "a proxy that says so",
    ],
)
def test_every_visitor_must_enter_the_code_whatever_the_address(client, caplog, extra):
    setup_code.log_once.cache_clear()
    url = reverse("accounts:setup")
    assert 'type="text" name="code"' in client.get(url, **extra).text
    client.get(url, **extra)
    assert [
        setup_code.code() in record.getMessage()
        for record in caplog.records
        if record.name == "ragsite.accounts"
    ] == [True]

    for wrong in ({}, {"code": ""}, {"code": "AAAA-AAAA-AAAA"}, {"code": "ſ" * 12}, {"code": "a\x00b"}):
        assert client.post(url, {**ACCOUNT, **wrong}, **extra).status_code == 200
    assert not User.objects.exists()

    client.post(url, {**ACCOUNT, "code": f" {setup_code.code().lower()} "}, **extra)
    assert User.objects.get().is_superuser


@pytest.mark.django_db
def test_the_printed_url_contains_the_code(client, settings):
    settings.SETUP_CODE = "K3QM-7XWD-PZ2A"
    address = reverse("accounts:setup") + "?code=K3QM-7XWD-PZ2A"
    page = client.get(address).text
    assert '<input type="hidden" name="code" value="K3QM-7XWD-PZ2A"' in page
    assert client.post(address, {**ACCOUNT, "code": "K3QM-7XWD-PZ2A"}).url == reverse("home")
    assert User.objects.get().is_superuser


@pytest.mark.django_db
def test_a_url_with_a_wrong_code_shows_the_code_field(client, settings):
    settings.SETUP_CODE = "K3QM-7XWD-PZ2A"
    address = reverse("accounts:setup") + "?code=AAAA-AAAA-AAAA"
    assert 'type="text" name="code"' in client.get(address).text
    client.post(address, ACCOUNT)
    assert not User.objects.exists()


def test_signing_in_redirects_to_the_requested_page(client, alice):
    wanted = client.get(reverse("documents:list")).url
    assert wanted == f"{reverse('accounts:login')}?next={quote(reverse('documents:list'))}"
    response = client.post(
        wanted, {"username": "alice", "password": "correct horse battery", "next": reverse("documents:list")}
    )
    assert response.url == reverse("documents:list")


def test_signing_in_never_redirects_to_another_site(client, alice):
    response = client.post(
        reverse("accounts:login"),
        {"username": "alice", "password": "correct horse battery", "next": "https://evil.example/"},
    )
    assert response.url == reverse("home")


def test_an_htmx_request_without_a_session_redirects_the_whole_page_to_sign_in(client, alice):
    page = f"http://testserver{reverse('documents:list')}?q=rain"
    response = client.get(
        reverse("documents:document", args=[1]),
        headers={"HX-Request": "true", "HX-Current-URL": page},
        follow=True,
    )
    assert response["HX-Redirect"] == f"{reverse('accounts:login')}?next=%2Fdocuments%2F%3Fq%3Drain"


def test_signing_out_requires_a_post(client, alice):
    client.force_login(alice)
    assert client.get(reverse("accounts:logout")).status_code == 405
    client.post(reverse("accounts:logout"))
    assert "_auth_user_id" not in client.session


def test_a_user_changes_name_email_and_preferences(client, alice):
    client.force_login(alice)
    client.post(
        reverse("accounts:account"),
        {"first_name": "Alice L.", "email": "alice@example.org", "mail_when_ready": "on"},
    )
    alice.refresh_from_db()
    assert (str(alice), alice.email, alice.mail_when_ready) == ("Alice L.", "alice@example.org", True)


def test_the_account_page_cannot_make_a_user_an_operator(client, alice):
    client.force_login(alice)
    client.post(
        reverse("accounts:account"),
        {"first_name": "A", "is_superuser": "on", "is_staff": "on", "username": "root"},
    )
    alice.refresh_from_db()
    assert (alice.username, alice.is_superuser, alice.is_staff) == ("alice", False, False)


def test_changing_the_password_requires_the_current_one_and_keeps_the_session(client, alice):
    client.force_login(alice)
    new = {"new_password1": "seven grey herons", "new_password2": "seven grey herons"}
    assert client.post(reverse("accounts:password"), {"old_password": "wrong", **new}).status_code == 422
    assert (
        client.post(
            reverse("accounts:password"), {"old_password": "correct horse battery", **new}
        ).status_code
        == 302
    )
    alice.refresh_from_db()
    assert alice.check_password("seven grey herons")
    assert client.get(reverse("accounts:account")).status_code == 200
