"""What a person sees whose connection, phone or server goes away while they ask."""

from playwright.sync_api import expect

from qa.models import Question
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
