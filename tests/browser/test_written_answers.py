"""User journeys in Chromium on a site with a language model, which also reads pictures."""

import re
from datetime import timedelta
from functools import partial

from django.db.models import F
from playwright.sync_api import expect

from documents.models import Document
from qa.models import AnswerState, Question
from qa.streaming import producer
from tests.browser.steps import ask, ask_of_the_handbook, make_searchable, open_the_citation, upload
from tests.support.factories import make_user
from tests.support.ocr import needs_tesseract
from tests.support.site import wait_for

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


def answers_asked_of(provider):
    """Return the chat requests for answers, without those for summaries."""
    return [asked for asked in provider.chats if "How often" in str(asked.body)]


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
    # Long enough to be seen on a busy machine before it is removed.
    provider.fault("thinking", text="The reader asks about the rain there. " * 12, how="open")
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
    lost_for = timedelta(seconds=producer.LOST_SECONDS)
    Question.objects.update(heartbeat_at=F("heartbeat_at") - lost_for)  # as if that had passed

    wait_for(lambda: Question.objects.get().state == AnswerState.INTERRUPTED, seconds=30)
    page.reload()
    expect(page.locator("main")).to_contain_text("word10")
    expect(page.locator("main")).to_contain_text(re.compile("interrupted", re.I))
    open_page.may_complain()  # of the server that was gone


def test_a_phone_that_slept_through_an_answer_shows_it_when_it_wakes(
    site_with_model, sign_in, provider, open_page
):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    provider.answer = " ".join(f"word{number}" for number in range(60)) + " [1]"
    provider.fault("slow", seconds=0.05)
    page = sign_in(site_with_model, "alice", width=390, height=800)
    ask(page, "How often does it rain in Bergen?")
    expect(page.locator("main")).to_contain_text("word5")
    page.context.set_offline(True)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    wait_for(lambda: Question.objects.get().state == AnswerState.COMPLETE, seconds=60)
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    page.context.set_offline(False)

    expect(page.locator("main")).to_contain_text("word59")
    page.wait_for_selector("a.cite")
    words = re.findall(r"word\d+", page.locator("main").inner_text())
    assert words == [f"word{number}" for number in range(60)]
    open_page.may_complain()


def test_the_answer_of_a_server_that_was_restarted_goes_on_by_itself(
    site_with_model, sign_in, provider, open_page
):
    """The page says what happened without being reloaded."""
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    provider.answer = " ".join(f"word{number}" for number in range(400))
    provider.fault("slow", seconds=0.05)
    page = sign_in(site_with_model, "alice")
    ask(page, "How often does it rain in Bergen?")
    expect(page.locator("main")).to_contain_text("word10")
    web = site_with_model.processes["web"]
    web.terminate()
    web.wait(30)
    site_with_model.start("web")
    site_with_model.wait_until_it_answers()

    expect(page.locator(".answer:not(.is-running)")).to_contain_text("word10", timeout=60_000)
    assert not Question.objects.running().exists()
    open_page.may_complain()


@needs_tesseract
def test_words_of_a_scanned_page_are_marked_in_its_picture(site_with_model, sign_in):
    """The highlight covers the words: the image under it is dark."""
    site = site_with_model
    page = sign_in(site, "alice")
    upload(page, "handbook-scan.pdf")
    wait_for(lambda: Document.objects.ready().filter(title="handbook-scan").exists())
    document = Document.objects.get(title="handbook-scan")
    page.goto(f"{site.url}{document.get_absolute_url()}pages/1/?q=visitors+from+Wednesday")
    for picture in page.locator(".page-figure img").all():
        wait_for(partial(picture.evaluate, "it => it.naturalWidth"))
    assert page.evaluate(SHARE_OF_INK_UNDER_THE_MARK) > 0.08
