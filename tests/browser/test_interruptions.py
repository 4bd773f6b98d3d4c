"""What a person sees whose connection, phone or server goes away while they ask."""

import re

from playwright.sync_api import expect

from qa.models import AnswerState, Question
from tests.browser.steps import ask, make_searchable
from tests.support.factories import make_user
from tests.support.site import wait_for

QUESTION = "How often does it rain in Bergen?"


def test_a_question_stands_on_the_page_before_the_server_has_it(site, sign_in):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    page = sign_in(site, "alice")
    held = []
    page.route("**/ask/", lambda route: held.append(route))  # noqa: PLW0108 - Playwright wants a function
    ask(page, QUESTION)
    expect(page.locator(".question-text")).to_have_text(QUESTION)
    assert page.input_value("[data-ask] textarea") == ""

    wait_for(lambda: held).pop().continue_()
    page.wait_for_selector("a.cite")
    expect(page.locator(".question-text")).to_have_count(1)


def test_a_question_that_did_not_arrive_is_back_in_the_box(site, sign_in, open_page):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    page = sign_in(site, "alice")
    for _ in ("the first question", "a follow-up"):
        page.context.set_offline(True)
        ask(page, QUESTION)
        expect(page.locator(".toast-error")).to_be_visible()
        assert page.input_value("[data-ask] textarea") == QUESTION
        expect(page.locator(".is-sent")).to_have_count(0)
        page.context.set_offline(False)
        page.locator(".toast-error [data-dismiss]").click()
        page.locator("[data-ask] textarea").press("Enter")
        page.wait_for_selector(".question:last-child a.cite")
    assert Question.objects.count() == 2
    open_page.may_complain()


def test_a_phone_that_slept_through_an_answer_shows_it_when_it_wakes(
    site_with_model, sign_in, provider, open_page
):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.")
    provider.answer = " ".join(f"word{number}" for number in range(60)) + " [1]"
    provider.fault("slow", seconds=0.05)
    page = sign_in(site_with_model, "alice", width=390, height=800)
    ask(page, QUESTION)
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
    ask(page, QUESTION)
    expect(page.locator("main")).to_contain_text("word10")
    web = site_with_model.processes["web"]
    web.terminate()
    web.wait(30)
    site_with_model.start("web")
    site_with_model.wait_until_it_answers()

    expect(page.locator(".answer:not(.is-running)")).to_contain_text("word10", timeout=60_000)
    assert not Question.objects.running().exists()
    open_page.may_complain()
