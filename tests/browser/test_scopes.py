"""What to ask is ticked at the question box, by mouse and by keyboard."""

import pytest
from playwright.sync_api import expect

from qa.models import Question
from qa.models.scope import Scope
from tests.browser.steps import ask, make_searchable
from tests.browser.test_accessibility import complaints
from tests.support.factories import make_user


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_documents_are_ticked_in_the_middle_of_a_conversation(site, sign_in, scheme, width):
    alice = make_user("alice")
    bergen, london = (
        make_searchable(alice, f"It rains in {town}.", name=f"{town}.md") for town in ("Bergen", "London")
    )
    page = sign_in(site, "alice", scheme=scheme, width=width)
    words = page.locator("#scope-words")
    summary, search = page.locator("#scope-choice summary"), page.locator("#scope-q")

    summary.press("Enter")
    expect(search).to_be_focused()
    search.fill("berg")
    expect(page.locator("#scope-rows")).not_to_contain_text("London")
    page.get_by_label("Bergen").check()
    expect(words).to_have_text("Ask: Bergen")
    expect(page.locator("#scope-all")).not_to_be_checked()
    assert complaints(page, "choice") == {}
    page.keyboard.press("Escape")
    expect(summary).to_be_focused()
    ask(page, "Where does it rain?")
    expect(page.locator(".asked-of")).to_have_text("Asked of Bergen")
    expect(words).to_have_text("Ask: Bergen")

    summary.click()
    page.get_by_label("London").check()
    expect(words).to_have_text("Ask: 2 documents")
    page.keyboard.press("Escape")
    ask(page, "Where does it rain often?")
    expect(page.locator(".asked-of").nth(1)).to_have_text("Asked of 2 documents")
    summary.click()
    page.locator("#scope-all").check()
    expect(words).to_have_text("Ask: all documents")
    page.keyboard.press("Escape")
    ask(page, "Where does it rain most?")
    expect(page.locator(".asked-of").nth(2)).to_have_text("Asked of all documents")
    asked = [question.scope for question in Question.objects.order_by("pk")]
    assert asked == [Scope.of(bergen), Scope.of(bergen, london), Scope()]
