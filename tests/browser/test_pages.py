"""User journeys in Chromium, on a running site."""

import re
import zipfile
from functools import partial

import pytest
from playwright.sync_api import expect

from documents.extraction.ocr import engines
from documents.models import Document, State
from qa.models import AnswerState, Question
from ragsite.accounts.models import User
from tests.support.factories import FILES, make_indexed, make_user
from tests.support.site import SETUP_CODE, wait_for

# The share of dark pixels under the highlight.
SHARE_OF_INK_UNDER_THE_MARK = """async () => {
  const picture = document.querySelector(".page-image"), marks = document.querySelector(".page-marks");
  const drawing = new DOMParser().parseFromString(await (await fetch(marks.src)).text(), "image/svg+xml");
  const side = name => Number(drawing.querySelector("rect").getAttribute(name));
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth; canvas.height = picture.naturalHeight;
  const paper = canvas.getContext("2d");
  paper.drawImage(picture, 0, 0);
  const dots = paper.getImageData(side("x") * canvas.width, side("y") * canvas.height,
    side("width") * canvas.width, side("height") * canvas.height).data;
  let dark = 0;
  for (let at = 0; at < dots.length; at += 4) dark += dots[at] < 128;
  return 4 * dark / dots.length;
}"""
QUESTION = "What does a student membership cost?"


def make_searchable(owner, text, **fields):
    """As `make_indexed`, whose run does nothing where a worker of the site holds the task already."""
    document = make_indexed(owner, text, **fields)
    wait_for(lambda: Document.objects.ready().filter(pk=document.pk).exists())
    return document


def ask(page, text):
    page.fill("textarea", text)
    page.keyboard.press("Enter")


def upload(page, *names):
    page.locator("input[type=file]").first.set_input_files([FILES / name for name in names])


def ask_of_the_handbook(page, site):
    upload(page, "handbook.pdf")
    wait_for(lambda: Document.objects.ready().filter(title="handbook").exists())
    page.goto(site.url)
    ask(page, QUESTION)
    page.wait_for_selector("a.cite")


def answers_asked_of(provider):
    """Return the chat requests for answers, without those for summaries."""
    return [asked for asked in provider.chats if "How often" in str(asked.body)]


def open_the_citation(page):
    page.locator("a.cite").first.click()
    expect(page.locator("#panel mark").first).to_contain_text("21 euros")
    assert "page 1" in page.locator("#panel").inner_text().lower()
    # The page image, and the highlights over it.
    pictures = page.locator("#panel .page-picture img").all()
    assert len(pictures) == 2
    for picture in pictures:
        wait_for(partial(picture.evaluate, "it => it.naturalWidth"))


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


def test_a_written_answer_has_citations_and_names_its_model(site_with_model, sign_in):
    page = sign_in(site_with_model, "alice")
    ask_of_the_handbook(page, site_with_model)

    said = page.locator("main").inner_text()
    assert "21 euros" in said
    assert "gpt-4.1-mini" in said
    assert "127.0.0.1" in said
    open_the_citation(page)


def test_a_written_answer_is_marked_and_shows_formulas(site_with_model, sign_in, provider):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    terms = " + ".join(rf"\alpha_{{{number}}}" for number in range(60))
    provider.answer = "On \\(2^4 \\cdot 15\\) days [1].\n\n" + rf"\[{terms}\]"
    page = sign_in(site_with_model, "alice", width=390)
    expect(page.locator(".ask-writer")).to_contain_text("Answers are written by AI, gpt-4.1-mini")
    ask(page, "How often does it rain in Bergen?")

    for load in (lambda: None, page.reload):  # as it is streamed, and as a whole page with its JSON-LD
        load()
        expect(page.locator("[data-finished][data-digital-source-type]")).to_have_count(1)
        expect(page.locator(".answer-text math")).to_have_count(2)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the answer").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert r"On \(2^4 \cdot 15\) days [1]." in page.evaluate("navigator.clipboard.readText()")


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
    expect(page.locator("#documents > li")).to_have_count(4)

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


def test_a_reload_during_an_answer_resumes_the_stream(site_with_model, sign_in, provider):
    alice = make_user("alice")
    make_searchable(alice, "It rains in Bergen on 240 days a year.")
    words = [f"word{number}" for number in range(60)]
    provider.answer = " ".join(words) + " [1]"
    provider.fault("slow", seconds=0.05)
    page = sign_in(site_with_model, "alice")
    ask(page, "How often does it rain in Bergen?")
    expect(page.locator("main")).to_contain_text("word10")
    page.reload()
    second_tab = page.context.new_page()
    second_tab.goto(page.url)

    for tab in (page, second_tab):
        expect(tab.locator("main")).to_contain_text("word59")
        tab.wait_for_selector("a.cite")
        assert re.findall(r"word\d+", tab.locator("main").inner_text()) == words
    assert len(answers_asked_of(provider)) == 1


def test_reasoning_that_looked_like_an_answer_is_removed(site_with_model, sign_in, provider):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    provider.answer = " ".join(f"word{number}" for number in range(200))
    provider.fault("thinking", text="The reader asks about the rain there.", how="open")
    provider.fault("slow", seconds=0.05, on="chat")
    page = sign_in(site_with_model, "alice")
    ask(page, "How often does it rain in Bergen?")
    so_far = page.locator(".so-far").first
    expect(so_far).to_contain_text("The reader")
    expect(so_far).to_have_text(re.compile(r"^\s*word0 word1 "))
    page.get_by_role("button", name="Stop").click()


def test_stop_ends_an_answer_and_keeps_its_text(site_with_model, sign_in, provider):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    provider.answer = " ".join(f"word{number}" for number in range(400))
    provider.fault("slow", seconds=0.05, on="chat")
    page = sign_in(site_with_model, "alice")
    ask(page, "How often does it rain in Bergen?")
    expect(page.locator("main")).to_contain_text("word10")
    page.get_by_role("button", name="Stop").click()

    question = wait_for(lambda: Question.objects.exclude(state=AnswerState.RUNNING).first())
    assert question.state == AnswerState.STOPPED
    assert "word10" in question.answer
    assert "word399" not in question.answer
    wait_for(lambda: answers_asked_of(provider)[0].hung_up_at, seconds=20)


def test_an_answer_whose_web_process_was_killed_is_interrupted_and_keeps_its_text(
    site_with_model, sign_in, provider, open_page
):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    provider.answer = " ".join(f"word{number}" for number in range(2000))
    provider.fault("slow", seconds=0.05)
    page = sign_in(site_with_model, "alice")
    ask(page, "How often does it rain in Bergen?")
    expect(page.locator("main")).to_contain_text("word30")
    site_with_model.kill("web")
    site_with_model.start("web")
    site_with_model.wait_until_it_answers()

    wait_for(lambda: Question.objects.get().state == AnswerState.INTERRUPTED, seconds=30)
    page.reload()
    expect(page.locator("main")).to_contain_text("word10")
    expect(page.locator("main")).to_contain_text(re.compile("interrupted", re.I))
    open_page.may_complain()  # of the server that was gone


def test_a_killed_worker_loses_no_document(site, sign_in):
    page = sign_in(site, "alice")
    upload(page, "handbook.pdf", "crazyones.pdf", "table-schools.pdf")
    wait_for(lambda: Document.objects.filter(state__in=[State.EXTRACTING, State.EMBEDDING]).exists())
    site.kill("worker")
    site.start("worker")

    wait_for(lambda: Document.objects.ready().count() == 3, seconds=60)


def test_everything_works_by_keyboard(site, sign_in):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    page = sign_in(site, "alice")
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
    page = sign_in(site, "bob")
    ask(page, "What is the secret word?")
    page.wait_for_selector("main article")
    wait_for(lambda: not Question.objects.running().exists())
    page.goto(page.url)

    assert "heliotrope" not in page.content()
    page.goto(f"{site.url}/documents/")
    assert "secret" not in page.locator("main").inner_text()


@pytest.mark.skipif(engines.engine() != engines.TESSERACT, reason="no tesseract on this machine")
def test_words_of_a_scanned_page_are_marked_in_its_picture(site_that_reads_pictures, sign_in):
    """The highlight covers the words: the image under it is dark."""
    site = site_that_reads_pictures
    page = sign_in(site, "alice")
    upload(page, "handbook-scan.pdf")
    wait_for(lambda: Document.objects.ready().filter(title="handbook-scan").exists())
    document = Document.objects.get(title="handbook-scan")
    page.goto(f"{site.url}{document.get_absolute_url()}pages/1/?q=visitors+from+Wednesday")
    for picture in page.locator(".page-picture img").all():
        wait_for(partial(picture.evaluate, "it => it.naturalWidth"))
    assert page.evaluate(SHARE_OF_INK_UNDER_THE_MARK) > 0.08
