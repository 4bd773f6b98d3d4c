import shutil

import pytest
from django.conf import global_settings
from playwright.sync_api import expect, sync_playwright

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


@pytest.fixture(autouse=True)
def _hashers_of_the_site(settings):
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS


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
        context.close()
    assert [text for text in complaints if "Failed to load resource" not in text] == []


@pytest.fixture
def sign_in(open_page):
    """Return a factory: given a username, new or existing, it opens a signed-in page."""

    def sign_in(site, name, **options):
        from ragsite.accounts.models import User

        if not User.objects.filter(username=name).exists():
            make_user(name)
        page = open_page(**options)
        page.goto(f"{site.url}/account/login/")
        page.fill("[name=username]", name)
        page.fill("[name=password]", "correct horse battery")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.url}/")
        return page

    return sign_in
