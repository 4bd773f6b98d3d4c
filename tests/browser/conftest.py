import shutil

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from playwright.sync_api import expect, sync_playwright

from ragsite.accounts.hashing import Hasher
from tests.support.factories import make_user
from tests.support.fake_openai import running_fake_openai
from tests.support.site import Site

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000  # a busy machine is no failure
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items):
    for item in items:
        if "/browser/" in str(item.fspath):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.django_db(transaction=True))
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


# Playwright keeps an event loop in this thread, in which the async views of later tests could not run.
@pytest.fixture(scope="package")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")  # its workers must not take the jobs of the tests that follow
def sites(django_db_setup, django_db_blocker, tmp_path_factory):
    """Return a factory of running sites; one at a time, since they would share a queue."""
    running = {}

    def running_site(kind, **variables):
        if kind not in running:
            stop()
            running[kind] = Site(tmp_path_factory.mktemp(kind), **variables)
            running[kind].__enter__()
        return running[kind]

    def stop():
        for kind in list(running):
            running.pop(kind).__exit__()

    with django_db_blocker.unblock():
        yield running_site
        stop()


@pytest.fixture
def site(transactional_db, sites, settings):
    running = sites("local")
    settings.MEDIA_ROOT = running.folder / "files"
    return running


@pytest.fixture(scope="package")
def provider():
    with running_fake_openai() as fake:
        yield fake


@pytest.fixture
def site_with_model(transactional_db, sites, provider, settings):
    """The site with a provider, the fake server on loopback, and local embeddings; it reads pictures."""
    provider.control({"reset": True})
    running = sites(
        "with-model",
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=provider.url,
        EMBEDDING_MODEL="all-MiniLM-L6-v2",
        OCR="True",
    )
    settings.MEDIA_ROOT = running.folder / "files"
    return running


@pytest.fixture
def open_page(browser):
    """Return a factory of pages of new visitors; a console error fails the test."""
    contexts, complaints = [], []

    def open_page(width=1280, height=800, scheme="light", **options):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",  # what moves is drawn sixty times a second
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    open_page.may_complain = complaints.clear
    yield open_page
    for context in contexts:
        # Chromium may never close a page that is on its way to another.
        for page in context.pages:
            page.goto("about:blank")
        context.close()
    assert [text for text in complaints if "Failed to load resource" not in text] == []


@pytest.fixture
def sign_in(open_page, settings):
    """Return a factory: given a username, new or existing, it opens a signed-in page, on request through the form."""

    def sign_in(site, name, by_form=False, **options):
        from ragsite.accounts.models import User

        user = User.objects.filter(username=name).first() or make_user(name)
        page = open_page(**options)
        if by_form:
            fill_in_the_form(page, site, user)
        else:
            visitor = Client()
            visitor.force_login(user)
            cookie = visitor.cookies[settings.SESSION_COOKIE_NAME]
            page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
            page.goto(site.url)
        page.wait_for_url(f"{site.url}/")
        return page

    return sign_in


def fill_in_the_form(page, site, user):
    user.password = make_password("correct horse battery", hasher=Hasher())
    user.save()
    page.goto(f"{site.url}/account/login/")
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", "correct horse battery")
    page.keyboard.press("Enter")
