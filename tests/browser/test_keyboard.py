"""Ten everyday tasks by keyboard alone: Tab to what is wanted, then Enter, Space or words."""

import pytest
from playwright.sync_api import expect

from documents.models import Document
from qa.models import Conversation, Question, Share
from tests.browser.steps import make_searchable
from tests.support.factories import make_user
from tests.support.site import wait_for

MAX_TABS = 120
NAME_IN_FOCUS = """() => {
  const it = document.activeElement;
  if (it === document.body) return "";
  const label = it.labels?.length ? it.labels[0].innerText : "";
  return [it.getAttribute("aria-label"), label, it.innerText, it.placeholder, it.title].filter(Boolean).join(" | ").trim();
}"""

# The ring of the question box is around the whole box.
RING_IS_MISSING = """() => {
  const it = document.activeElement, ringed = it.closest(".ask-box") ?? it, style = getComputedStyle(ringed);
  return style.outlineStyle === "none" && style.boxShadow === "none" ? it.outerHTML.slice(0, 200) : "";
}"""


@pytest.fixture
def keys(site, sign_in):
    make_searchable(make_user("alice"), "It rains in Bergen on 240 days a year.", name="weather.txt")
    return Keys(sign_in(site, "alice"), site)


class Keys:
    """A person who has a keyboard only."""

    def __init__(self, page, site):
        self.page, self.site = page, site

    def go(self, address):
        self.page.goto(self.site.url + address)

    def to(self, name, key="Tab"):
        """Move the focus until it is on what has this name."""
        passed = []
        for _ in range(MAX_TABS):
            self.page.keyboard.press(key)
            passed.append(self.page.evaluate(NAME_IN_FOCUS))
            if name.casefold() in passed[-1].casefold():
                self.must_be_visible()
                return self
        raise AssertionError(f"{name!r} cannot be reached by {key}: {passed}")

    def must_be_visible(self):
        """WCAG 2.4.7: who has no pointer sees where they are."""
        hidden = self.page.evaluate(RING_IS_MISSING)
        assert not hidden, f"no ring around {hidden}"

    def press(self, *names):
        """Press each of these buttons or links, one after the other."""
        for name in names:
            self.to(name).page.keyboard.press("Enter")

    def write(self, name, text):
        self.to(name)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)
        return self

    def enter(self, name, text):
        self.write(name, text).page.keyboard.press("Enter")

    def ask(self, text="How often does it rain in Bergen?"):
        self.enter("Question", text)
        self.page.wait_for_selector("a.cite")


def test_a_text_is_added(keys):
    keys.go("/documents/")
    keys.press("Paste text")
    keys.write("Title", "A note").write("Text", "It thaws in March.")
    keys.press("Add text")
    expect(keys.page.locator("h1")).to_contain_text("A note")


def test_a_question_is_asked_and_its_source_read(keys):
    keys.ask()
    keys.press("weather")
    expect(keys.page.locator("#panel mark").first).to_contain_text("240 days")
    keys.page.keyboard.press("Escape")
    expect(keys.page.locator("#panel mark")).to_have_count(0)


def test_an_answer_is_rated_with_a_reason(keys):
    keys.ask()
    keys.press("This did not help")
    expect(keys.page.locator("[name=reason]")).to_be_focused()
    keys.page.keyboard.type("Too short")
    keys.page.keyboard.press("Enter")
    assert wait_for(lambda: Question.objects.filter(rating=-1, rating_reason="Too short").exists())


def test_a_question_is_edited_and_asked_again(keys):
    keys.ask()
    keys.press("Edit the question")
    keys.write("Edit the question", "On how many days does it rain in Bergen?")
    keys.press("Ask again")
    expect(keys.page.locator(".earlier-answers")).to_have_count(1)


def test_a_conversation_is_renamed_found_and_deleted(keys):
    keys.ask()
    keys.press("Rename, share")
    keys.page.wait_for_selector("#manage")
    keys.enter("Name", "Norwegian weather")
    expect(keys.page.locator("h1")).to_contain_text("Norwegian weather")
    keys.press("Search conversations")
    keys.page.wait_for_url("**/c/")
    keys.press("Skip to content")
    keys.enter("Search conversations", "norwegian")
    keys.page.wait_for_url("**/c/?q=*")
    keys.press("Skip to content", "Norwegian weather")
    keys.page.wait_for_selector("#questions")
    keys.press("Rename, share")
    keys.page.wait_for_selector("#manage")
    keys.press("Delete this conversation", "Delete")
    keys.page.wait_for_url(f"{keys.site.url}/")
    assert not Conversation.objects.exists()


def test_a_link_to_a_conversation_is_made_and_revoked(keys):
    keys.ask()
    keys.press("Rename, share")
    keys.page.wait_for_selector("#manage")
    keys.press("Make a link")
    wait_for(Share.objects.exists)
    keys.press("Revoke")
    assert wait_for(lambda: not Share.objects.exists())


def test_a_document_is_found_renamed_and_deleted(keys):
    keys.go("/documents/")
    keys.enter("Search", "weather")
    keys.page.wait_for_url("**q=weather**")
    keys.go(Document.objects.get().get_absolute_url())
    keys.press("Rename")
    keys.enter("Title", "Rain in Bergen")
    expect(keys.page.locator("h1")).to_contain_text("Rain in Bergen")
    keys.press("Delete")
    keys.page.wait_for_selector("dialog[open], #delete-title")
    keys.press("Delete")
    keys.page.wait_for_url("**/documents/")
    assert not Document.objects.exists()


def test_the_theme_is_changed(keys):
    keys.press("Theme")
    expect(keys.page.locator("html")).to_have_attribute("data-theme", "light")


def test_a_password_is_changed_and_the_person_signs_in_with_it(site, sign_in):
    keys = Keys(sign_in(site, "alice", by_form=True), site)
    keys.go("/account/")
    keys.write("Current password", "correct horse battery").write("New password", "battery staple correct")
    keys.write("Repeat new password", "battery staple correct")
    keys.press("Change password")
    expect(keys.page.locator("#toasts")).to_contain_text("changed")
    keys.press("Sign out")
    keys.page.wait_for_url("**/login/**")
    keys.write("Username", "alice").enter("Password", "battery staple correct")
    keys.page.wait_for_url(f"{keys.site.url}/")


def test_the_keys_are_told_and_can_be_switched_off(keys):
    keys.page.locator("h1").click()  # out of the box
    keys.page.keyboard.press("?")
    keys.page.wait_for_selector("#shortcuts[open]")
    keys.to("letter").page.keyboard.press("Space")
    keys.page.keyboard.press("Escape")
    keys.page.keyboard.press("/")
    assert keys.page.evaluate("document.activeElement.tagName") != "TEXTAREA"
