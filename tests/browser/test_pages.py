"""User journeys in Chromium on a site that has no language model, as `bin/dev` starts it."""

import re
import zipfile

import pytest
from playwright.sync_api import expect

from documents.models import Collection, Document, State
from qa.models import Question
from ragsite.accounts.models import User
from tests.browser.steps import ask, ask_of_the_handbook, make_searchable, open_the_citation, upload
from tests.support.factories import make_user
from tests.support.site import SETUP_CODE, wait_for


def create_the_first_account(page):
    page.fill("[name=username]", "olga")
    for field in page.locator("[type=password]").all():
        field.fill("correct horse battery")
    page.keyboard.press("Enter")


def test_a_visitor_without_the_code_learns_where_to_find_it(site, open_page):
    page = open_page()
    page.goto(site.url)
    expect(page.get_by_label("Code")).to_be_visible()
    expect(page.locator("form")).to_contain_text("in the terminal or the log of the site")
    page.get_by_label("Code").fill("AAAA-AAAA-AAAA")
    create_the_first_account(page)
    expect(page.locator("form")).to_contain_text("Incorrect code")
    page.get_by_label("Code").fill(SETUP_CODE.lower())
    create_the_first_account(page)
    page.wait_for_url(f"{site.url}/")


def test_from_the_first_visit_to_a_cited_answer(site, open_page):
    page = open_page()
    page.goto(f"{site.url}/account/setup/?code={SETUP_CODE}")
    create_the_first_account(page)
    page.wait_for_url(f"{site.url}/")
    ask_of_the_handbook(page, site)

    assert User.objects.get().is_superuser
    assert "21 euros" in page.locator("main").inner_text()
    open_the_citation(page)


def test_unreadable_files_fail_with_plain_sentences(site, sign_in):
    page = sign_in(site, "alice")
    upload(page, "handbook-scan.pdf", "handbook-truncated.pdf", "password-asdfzxcv.pdf")
    wait_for(lambda: Document.objects.failed().count() == 3)
    page.goto(f"{site.url}/documents/")

    said = page.locator("main").inner_text()
    assert "looks scanned" in said
    assert "damaged or incomplete" in said
    assert "needs a password" in said
    assert not re.search(r"Error|Exception|Traceback", said)
    upload(page, "crazyones.pdf")
    wait_for(lambda: Document.objects.ready().count() == 1)  # the worker lives

    locked = Document.objects.get(failure_kind="password")
    page.goto(f"{site.url}/documents/")
    row = page.locator(f"#document-{locked.pk}")
    row.get_by_role("textbox", name="Password").fill("asdfzxcv")
    row.get_by_role("button", name="Unlock").click()
    expect(row).to_contain_text("Ready")


def test_folders_archives_texts_and_web_pages_are_added_from_one_form(site, sign_in, tmp_path):
    folder = tmp_path / "papers"
    (folder / ".hidden").mkdir(parents=True)
    (folder / "deep").mkdir()
    for path in ("rain.txt", "deep/snow.txt", ".hidden/no.txt", ".DS_Store"):
        (folder / path).write_text(f"This is {path}.")
    archive = tmp_path / "more.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("hail.txt", "It hails.")
        writer.writestr("fog.txt", "It is foggy.")
    page = sign_in(site, "alice")
    page.goto(f"{site.url}/documents/")
    page.get_by_text("Folder", exact=True).click()
    page.locator("#folder").set_input_files(folder)
    wait_for(lambda: Document.objects.count() == 2)
    page.locator("form.drop [type=file]").set_input_files(archive)
    expect(page.locator("#tray")).to_contain_text("2 added")
    expect(page.locator("#documents > tr")).to_have_count(4)

    page.get_by_text("Paste text", exact=True).click()
    page.get_by_label("Title", exact=True).fill("A note")
    page.get_by_label("Text", exact=True).fill("It thaws.")
    page.get_by_role("button", name="Add text").click()
    expect(page.locator("h1")).to_contain_text("A note")
    page.goto(f"{site.url}/documents/")
    page.get_by_text("Web pages", exact=True).click()
    page.get_by_label("Addresses of web pages").fill("http://127.0.0.1:9/x")
    page.get_by_role("button", name="Add web pages").click()
    expect(page.locator("main")).to_contain_text("not on the public internet")
    assert set(Document.objects.values_list("title", flat=True)) == {"rain", "snow", "hail", "fog", "A note"}


def test_a_row_updates_its_progress_and_survives_a_reload(site, sign_in):
    page = sign_in(site, "alice")
    site.kill("worker")
    upload(page, "crazyones.pdf")
    wait_for(Document.objects.exists)
    page.goto(f"{site.url}/documents/")
    row = page.locator(f"#document-{Document.objects.get().pk}")
    expect(row).to_contain_text(re.compile("waiting", re.I))
    page.reload()
    expect(row).to_contain_text(re.compile("waiting", re.I))

    site.start("worker")
    expect(row).to_contain_text("Ready")


def test_a_killed_worker_loses_no_document(site, sign_in):
    page = sign_in(site, "alice")
    upload(page, "handbook.pdf", "crazyones.pdf", "table-schools.pdf")
    wait_for(lambda: Document.objects.filter(state__in=[State.EXTRACTING, State.EMBEDDING]).exists())
    site.kill("worker")
    site.start("worker")

    wait_for(lambda: Document.objects.ready().count() == 3, seconds=60)


def test_everything_works_by_keyboard(site, sign_in):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    page = sign_in(site, "alice", by_form=True)
    page.locator("h1").click()  # out of the box
    page.keyboard.press("/")
    page.keyboard.type("How often does it rain")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("in Bergen?")
    assert page.input_value("textarea") == "How often does it rain\nin Bergen?"
    page.keyboard.press("Enter")
    page.wait_for_selector("a.cite")
    page.locator("a.cite").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel mark").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#panel mark")).to_have_count(0)
    expect(page.locator("a.cite").first).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_small_phone(site, sign_in, scheme):
    alice = make_user("alice", is_staff=True, is_superuser=True)
    document = make_searchable(alice, "It rains in Bergen on 240 days a year. " + "Unbrokenword" * 40)
    page = sign_in(site, "alice", width=360, height=740, scheme=scheme)
    ask(page, "How often does it rain in Bergen?")
    page.wait_for_selector("a.cite")
    conversation = page.url.removeprefix(site.url)
    paths = [
        "/",
        conversation,
        "/documents/",
        f"/documents/{document.pk}/",
        "/account/",
        "/operations/provider/",
        "/nowhere/",
    ]
    for path in paths:
        page.goto(site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_a_second_user_sees_nothing_of_the_first(site, sign_in):
    make_searchable(make_user("alice"), "The secret word is heliotrope.", name="secret.txt")
    page = sign_in(site, "bob", by_form=True)
    ask(page, "What is the secret word?")
    page.wait_for_selector("main article")
    wait_for(lambda: not Question.objects.running().exists())
    page.goto(page.url)

    assert "heliotrope" not in page.content()
    page.goto(f"{site.url}/documents/")
    assert "secret" not in page.locator("main").inner_text()


# A page asks for all its documents in one request, and less often while nothing changes.


def waiting_documents(owner, count):
    """Create documents as in an outage: no job makes progress."""
    shelf = Collection.objects.private_to(owner)
    return Document.objects.bulk_create(
        Document(collection=shelf, title=f"Day {n}", sha256=f"{n:064}", uploaded_by=owner)
        for n in range(count)
    )


def test_fifty_waiting_rows_share_one_poll_that_slows_down(site, sign_in):
    documents = waiting_documents(make_user("vera"), 50)
    page = sign_in(site, "vera")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.url}/documents/")
    expect(page.locator(".document[data-watch]")).to_have_count(50)
    page.wait_for_timeout(7_000)
    asked_of_rows = [url for url in asked if "/changes/" in url]
    assert 1 <= len(asked_of_rows) <= 3
    assert asked_of_rows[0].count("watch=") == 50
    assert not [url for url in asked if "/row" in url or "/notices" in url]

    chosen = page.locator(f"#choose-{documents[0].pk}")
    chosen.check()
    Document.objects.filter(pk=documents[0].pk).update(
        progress_total=9, progress_done=4, state=State.EXTRACTING
    )
    Document.objects.filter(pk=documents[1].pk).update(state=State.FAILED, failure="It is damaged.")
    expect(page.locator(f"#document-{documents[0].pk}")).to_contain_text("4 of 9")
    expect(page.locator(f"#document-{documents[1].pk}")).to_contain_text("It is damaged.")
    expect(chosen).to_be_checked()
    expect(page.locator(".document[data-watch]")).to_have_count(49)


def test_an_idle_page_polls_once(site, sign_in):
    page = sign_in(site, "nils")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.url}/documents/")
    page.wait_for_timeout(8_000)
    assert len([url for url in asked if "/changes/" in url]) == 1


def test_the_reader_turns_pages_by_keys_and_loads_the_next_one_when_one_was_read(site, sign_in):
    page = sign_in(site, "alice")
    upload(page, "outline-broken-targets.pdf")
    wait_for(lambda: Document.objects.ready().exists())
    address = f"{site.url}/documents/{Document.objects.get().pk}/pages"
    page.goto(f"{address}/1/")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"{address}/2/")

    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("[data-reader-page='3']")).to_have_count(1)
    page.locator("[data-reader-page='3']").evaluate("section => section.scrollIntoView()")
    page.wait_for_url(re.compile(f"{address}/[3-9]/"))
    expect(page.locator("#jump")).not_to_have_value("2")
