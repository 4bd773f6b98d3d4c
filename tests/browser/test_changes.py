"""A page polls all its documents in one request, and less often while nothing changes."""

from playwright.sync_api import expect

from documents.models import Collection, Document, State
from tests.support.factories import make_user


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
