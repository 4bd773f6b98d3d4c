"""Every page, wide and light, narrow and dark: no violation that axe finds, no page wider than the screen, no console error."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib import admin
from django.urls import reverse

from documents.models import Collection, Document
from qa.models import Conversation, Share
from ragsite.accounts.models import User
from tests.browser.steps import QUESTION, ask, make_searchable, open_the_citation, upload
from tests.support.factories import make_user
from tests.support.site import wait_for

# In the second look, axe tries again what depends on colours and places.
OF_THE_LOOK = ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]
LOOKS = [("light", 1280, None), ("dark", 390, OF_THE_LOOK)]
TABLETS = (1049, 896)
RAIN = "# Rain\n\nIt rains in Bergen on **240** days.\n\n| Town | Days |\n|---|---|\n| Bergen | 240 |\n"


def violations(page, rules=None):
    """What axe finds on the page as it stands: rule and the first elements that break it."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found = Axe().run(page, options=options).response["violations"]
    return {rule["id"]: [node["html"][:160] for node in rule["nodes"][:3]] for rule in found}


def excess(page):
    """By how many pixels the page is wider than the screen; a wide page is tried on a tablet's width too."""
    size, found = page.viewport_size, {}
    for width in [size["width"], *(width for width in TABLETS if width < size["width"])]:
        page.set_viewport_size(size | {"width": width})
        found[width] = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
    page.set_viewport_size(size)
    return {width: wider for width, wider in found.items() if wider > 0}


def complaints(page, name, rules=None):
    found = violations(page, rules)
    if wider := excess(page):
        found["width"] = wider
    return {name: found} if found else {}


def use_the_site(page, site, alice):
    """An operator has worked in it: documents in several states, a conversation, a link to share."""
    make_searchable(alice, RAIN, name="rain.md")
    Document.objects.update(is_sample=True)  # its button has the most words
    upload(page, "handbook.pdf", "password-asdfzxcv.pdf", "handbook-truncated.pdf", "table-schools.pdf")
    wait_for(lambda: Document.objects.failed().count() == 2 and Document.objects.ready().count() == 3, 90)
    page.goto(site.url)
    ask(page, QUESTION)
    page.wait_for_selector("a.cite")
    Share.objects.make(Conversation.objects.get(), days=7)


def addresses():
    """Every page that a person or an operator can open."""
    conversation, shelf = Conversation.objects.get(), Collection.objects.private_to(User.objects.get())
    handbook, rain = (Document.objects.ready().get(title__startswith=name) for name in ("handbook", "rain"))
    locked = Document.objects.get(failure_kind="password")
    yield from ("/", "/c/", f"/c/{conversation.pk}/", f"/c/{conversation.pk}/manage/", "/c/?q=nothing")
    yield f"/collections/{shelf.pk}/instructions/"
    yield from ("/documents/", "/documents/?q=nothing+like+it", "/documents/pages/", "/documents/text/")
    yield from (f"/documents/{document.pk}/" for document in (handbook, rain, locked))
    yield from (f"/documents/{handbook.pk}/pages/1/?passages=1", f"/documents/{handbook.pk}/?q=membership")
    yield from (f"/documents/{handbook.pk}/{verb}/" for verb in ("delete", "rename", "replace"))
    yield from ("/account/", "/operations/activity/", "/operations/activity/work/", "/operations/provider/")
    yield from ("/nowhere/", "/admin/")
    ours = [
        model._meta
        for model in admin.site._registry
        if model.__module__.startswith(("documents", "qa", "ragsite"))
    ]
    yield from (reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist") for meta in ours)


@pytest.mark.parametrize(("scheme", "width", "rules"), LOOKS, ids=["wide", "narrow"])
def test_every_page_can_be_used_by_everyone(site, sign_in, open_page, scheme, width, rules):
    alice = make_user("alice", is_staff=True, is_superuser=True)
    page = sign_in(site, "alice", scheme=scheme, width=width)
    use_the_site(page, site, alice)

    open_the_citation(page)
    found = complaints(page, "an answer and its source", rules)
    for address in addresses():
        page.goto(site.url + address)
        found |= complaints(page, address, rules)
    visitor = open_page(scheme=scheme, width=width)
    for address in ("/account/login/", "/account/setup/", Share.objects.get().get_absolute_url()):
        visitor.goto(site.url + address)
        found |= complaints(visitor, address, rules)
    assert found == {}
