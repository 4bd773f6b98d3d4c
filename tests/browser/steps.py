"""What visitors do on several pages, and what tests of more than one site need."""

from functools import partial

from playwright.sync_api import expect

from documents.models import Document
from tests.support.factories import FILES, make_indexed
from tests.support.site import wait_for

QUESTION = "What does a student membership cost?"


def make_searchable(owner, text, **fields):
    """As `make_indexed`, whose run does nothing where a worker of the site holds the task already."""
    document = make_indexed(owner, text, **fields)
    wait_for(lambda: Document.objects.ready().filter(pk=document.pk).exists())
    return document


def ask(page, text):
    page.fill("[data-ask] textarea", text)
    page.keyboard.press("Enter")


def upload(page, *names):
    page.locator("input[type=file]").first.set_input_files([FILES / name for name in names])


def ask_of_the_handbook(page, site):
    upload(page, "handbook.pdf")
    wait_for(lambda: Document.objects.ready().filter(title="handbook").exists())
    page.goto(site.url)
    ask(page, QUESTION)
    page.wait_for_selector("a.cite")


def open_the_citation(page):
    page.locator("a.cite").first.click()
    expect(page.locator("#panel mark").first).to_contain_text("21 euros")
    assert "page 1" in page.locator("#panel").inner_text().lower()
    # The page image, and the highlights over it.
    pictures = page.locator("#panel .page-figure img").all()
    assert len(pictures) == 2
    for picture in pictures:
        wait_for(partial(picture.evaluate, "it => it.naturalWidth"))
