"""Throttling of sign-in attempts, and the cost of hashing."""

import hashlib
import threading

import pytest
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from ragsite.accounts import devices, hashing, throttling
from ragsite.accounts.hashing import Hasher
from ragsite.accounts.throttling import SignInAttempt
from tests.support.factories import make_user

RIGHT = "correct horse battery"
HOME, CAFE = "203.0.113.7", "198.51.100.9"


def sign_in_as(name="alice", password=RIGHT, client=None, address=HOME):
    return (client or Client()).post(
        reverse("accounts:login"), {"username": name, "password": password}, REMOTE_ADDR=address
    )


def is_in(response):
    return response.status_code == 302


def is_refused(response):
    return "Try again in" in response.text


def guesses(count, name="alice", address=HOME):
    return [sign_in_as(name, f"wrong {number}", address=address) for number in range(count)]


def use_up_everywhere(name="alice"):
    for number in range(throttling.FREE_ATTEMPTS_ANYWHERE):
        SignInAttempt(name, f"192.0.2.{number}").register()
    for address in ("192.0.2.249", CAFE):  # the one try that a neighbourhood has nevertheless
        SignInAttempt(name, address).register()
    assert SignInAttempt(name, "192.0.2.250").register() > 0


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(alice):
    assert not any(is_refused(response) for response in guesses(5))
    assert is_refused(sign_in_as())
    assert is_in(sign_in_as(address=CAFE)), "from elsewhere she gets in"


def test_signing_in_resets_the_counter(alice):
    for _ in range(3):
        assert not any(is_refused(response) for response in guesses(4))
        assert is_in(sign_in_as())


@pytest.mark.django_db(transaction=True)
def test_nine_concurrent_attempts_count_as_nine(alice, bob):
    barrier, responses = threading.Barrier(9), []

    def guess():
        barrier.wait()
        responses.append(sign_in_as(password="wrong"))
        connection.close()

    threads = [threading.Thread(target=guess) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(is_refused, responses)) == 9 - throttling.FREE_ATTEMPTS


def test_no_password_is_checked_while_an_attempt_is_throttled(alice, monkeypatch):
    guesses(5)
    monkeypatch.setattr("ragsite.accounts.forms.AuthenticationForm.clean", None)
    assert is_refused(sign_in_as())


@pytest.mark.django_db
def test_one_password_for_many_usernames_from_one_address_is_throttled(settings):
    names = [make_user(f"person{number}").username for number in range(25)]
    responses = [sign_in_as(name, "summer2026", address=CAFE) for name in names]
    assert [is_refused(response) for response in responses] == [False] * 20 + [True] * 5
    assert is_in(sign_in_as(names[24], address=HOME))


@pytest.mark.django_db
def test_unknown_usernames_are_throttled_alike(alice):
    responses = guesses(6, name="nobody-of-this-name")
    assert [is_refused(response) for response in responses] == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "unix:", False),
    ],
)
def test_a_visitor_owns_a_network(one, other, are_same):
    assert (throttling.network_of(one) == throttling.network_of(other)) is are_same


def test_successful_sign_ins_from_one_office_never_wait(alice):
    for number in range(throttling.FREE_ATTEMPTS_PER_NETWORK * 2):
        attempt = SignInAttempt(f"person{number}", CAFE)
        assert attempt.register() == 0
        attempt.mark_successful()


def test_an_attacker_with_many_addresses_cannot_lock_her_out_of_a_known_browser(alice):
    browser = Client()
    browser.cookies[devices.COOKIE] = cookie_of("alice")
    use_up_everywhere()
    assert is_refused(sign_in_as(address=CAFE)), "on a new machine at a new place she waits"
    assert is_in(sign_in_as(client=browser, address=CAFE))


def test_an_attacker_with_many_addresses_cannot_lock_her_out_of_a_known_network(alice):
    assert is_in(sign_in_as(address=CAFE))
    use_up_everywhere()
    assert is_in(sign_in_as(address=CAFE))
    assert is_refused(sign_in_as(address="192.0.2.251"))


def test_an_attacker_cannot_lock_her_out_of_a_neighbourhood_without_attempts(alice):
    use_up_everywhere()
    assert is_in(sign_in_as(address="203.0.113.7"))
    assert is_refused(sign_in_as(address="192.0.2.251"))


def test_a_neighbourhood_gets_one_attempt_per_pause(alice):
    use_up_everywhere()
    assert [SignInAttempt("alice", f"203.0.113.{number}").register() > 0 for number in range(3)] == [
        False,
        True,
        True,
    ]
    assert [SignInAttempt("alice", f"2001:db8:1:{number}::1").register() > 0 for number in range(3)] == [
        False,
        True,
        True,
    ]
    assert SignInAttempt("alice", "2001:db8:2::1").register() == 0


def test_the_network_of_the_set_up_is_known(client, settings, db):
    settings.SETUP_CODE = "K3QM-7XWD-PZ2A"
    form = {"username": "olga", "password1": RIGHT, "password2": RIGHT, "code": settings.SETUP_CODE}
    client.post(reverse("accounts:setup"), form, REMOTE_ADDR=CAFE)
    use_up_everywhere("olga")
    assert is_in(sign_in_as("olga", address=CAFE))


def test_a_throttled_attempt_gets_status_429_and_retry_after(alice, client, operator):
    guesses(5)
    response = sign_in_as()
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= throttling.FIRST_PAUSE
    assert sign_in_as("bob", "wrong").status_code == 200

    guesses(5, "olga")
    response = client.post(reverse("admin:login"), {"username": "olga", "password": RIGHT}, REMOTE_ADDR=HOME)
    assert (response.status_code, is_refused(response)) == (429, True)
    assert "no-store" in response["Cache-Control"]


def test_a_known_browser_has_five_attempts_and_no_access(alice):
    browser = Client()
    browser.cookies[devices.COOKIE] = cookie_of("alice")
    wrong = [sign_in_as(password="wrong", client=browser, address=f"192.0.2.{n}") for n in range(6)]
    assert [is_refused(response) for response in wrong] == [False] * 5 + [True]
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize(
    "forge", [str, lambda cookie: cookie + "x", lambda cookie: cookie[1:], lambda _: "a:b:c"]
)
def test_only_her_own_browser_is_known(alice, bob, forge):
    browser = Client()
    browser.cookies[devices.COOKIE] = forge(cookie_of("bob" if forge is str else "alice"))
    use_up_everywhere()
    assert is_refused(sign_in_as(client=browser, address=CAFE))


def cookie_of(name):
    response = sign_in_as(name, address="192.0.2.99")
    return response.cookies[devices.COOKIE].value


def test_the_device_cookie_is_hidden_from_scripts(alice):
    cookie = sign_in_as().cookies[devices.COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert "alice" not in cookie.value


def test_users_can_sign_in_while_redis_is_unavailable(alice, settings):
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert "Incorrect username or password" in sign_in_as(password="wrong").text
    assert is_in(sign_in_as())


def test_the_pause_grows_up_to_a_limit(monkeypatch):
    waits, now = [], [1_000_000.0]
    monkeypatch.setattr(throttling.time, "time", lambda: now[0])
    for _ in range(14):
        assert SignInAttempt("alice", HOME).register() == 0
        waits.append(SignInAttempt("alice", HOME).register() if len(waits) >= 4 else 0)
        now[0] += waits[-1]
    assert waits == [0, 0, 0, 0, 15, 30, 60, 120, 240, 480, 900, 900, 900, 900]
    assert not any(b"alice" in key for key in cache._cache.get_client().scan_iter()), (
        "names stay out of Redis"
    )


def test_the_admin_sign_in_is_throttled_too(client, operator):
    address = reverse("admin:login")
    for _ in range(6):
        client.post(address, {"username": "olga", "password": "wrong", "next": "/admin/"})
    client.post(address, {"username": "olga", "password": RIGHT, "next": "/admin/"})

    assert "_auth_user_id" not in client.session


def test_the_admin_has_no_separate_password_page(client, operator):
    client.force_login(operator)
    form = {"old_password": RIGHT, "new_password1": "seven grey herons", "new_password2": "seven grey herons"}
    response = client.post(reverse("admin:password_change"), form)
    assert (response.status_code, response["Location"]) == (302, reverse("accounts:account"))
    operator.refresh_from_db()
    assert operator.check_password(RIGHT)


def test_changing_the_password_is_throttled_too(client, alice):
    client.force_login(alice)
    new = {"new_password1": "seven grey herons", "new_password2": "seven grey herons"}
    for number in range(5):
        client.post(reverse("accounts:password"), {"old_password": f"wrong {number}", **new})
    response = client.post(reverse("accounts:password"), {"old_password": RIGHT, **new})
    assert is_refused(response)
    assert response.status_code == 429
    alice.refresh_from_db()
    assert alice.check_password(RIGHT)


# Hashing


class Watching(Hasher):
    """Records whether this thread holds a database connection while it hashes."""

    iterations = 10
    held: list[bool] = []

    def digest(self):
        self.held.append(connection.connection is not None)
        return hashlib.sha256()


@pytest.fixture
def watching(settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.Watching"]
    Watching.held.clear()
    return Watching.held


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_no_connection_is_held_while_a_password_is_hashed(watching, name):
    make_user("alice")
    watching.clear()
    assert is_in(sign_in_as(name)) is (name == "alice")
    assert watching
    assert not any(watching)


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_during_set_up_or_a_password_change(watching, client):
    from ragsite.accounts import setup_code
    from ragsite.accounts.models import User

    passwords = {"password1": "a long quiet evening", "password2": "a long quiet evening"}
    client.post(reverse("accounts:setup"), {"username": "olga", "code": setup_code.code(), **passwords})
    assert User.objects.filter(username="olga").exists()
    new = {
        "old_password": "a long quiet evening",
        "new_password1": "seven grey herons",
        "new_password2": "seven grey herons",
    }
    assert client.post(reverse("accounts:password"), new).status_code == 302
    assert not any(watching)


def test_when_all_slots_are_busy_the_site_says_when_to_retry(alice, client, settings, monkeypatch):
    settings.PASSWORD_HASHERS = [f"{__name__}.Watching"]
    monkeypatch.setattr(hashing, "_slots", threading.BoundedSemaphore(1))
    monkeypatch.setattr(hashing, "MAX_WAIT_SECONDS", 0.01)
    client.raise_request_exception = False
    with hashing._slots:
        response = sign_in_as(name="nobody", client=client)
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "than it can serve" in response.text
    assert sign_in_as(name="nobody", client=client).status_code == 200


def test_the_sites_own_hashes_are_djangos(settings):
    settings.PASSWORD_HASHERS = ["ragsite.accounts.hashing.Hasher"]
    assert make_password("x", "salt").startswith("pbkdf2_sha256$1")
