"""Every page, in every state of what it shows: no id twice, every reference has its element, every text its direction."""

import re
from html.parser import HTMLParser

import pytest
from django.urls import reverse

from documents.models import Collection, Document, Membership, Notice, Page
from qa.models import Citation, Instructions, Question
from tests.http.test_query_counts import LISTS, ROWS, make_rows
from tests.support.factories import make_document, make_question

REFERENCES = ["for", "form", "list", "aria-labelledby", "aria-describedby", "aria-controls", "popovertarget", "data-dialog"]  # fmt: skip
HEBREW = "שלום עולם"
ARABIC = "مرحبا بالعالم"


class Markup(HTMLParser):
    """The ids of a page, what its attributes point to, and which element each text stands in."""

    VOID = {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    }

    def __init__(self, html):
        super().__init__()
        self.ids, self.references, self.open, self.texts, self.labels = [], [], [], [], 0
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name in REFERENCES:
            self.references += [(name, value) for value in (attributes.get(name) or "").split()]
        for name in ("href", "hx-target", "hx-include"):
            if re.fullmatch(r"#[\w-]+", attributes.get(name) or ""):
                self.references.append((name, attributes[name][1:]))
        if tag not in self.VOID:
            self.open.append((tag, attributes))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, text):
        self.texts.append((text, list(self.open)))

    @property
    def twice(self):
        return sorted({one for one in self.ids if self.ids.count(one) > 1})

    @property
    def dangling(self):
        return sorted({(name, value) for name, value in self.references if value not in self.ids})

    def without_direction(self, words):
        """The elements in which such a text takes its direction from the page, not from itself."""
        for text, stack in self.texts:
            is_isolated = any(tag == "bdi" or "dir" in attributes for tag, attributes in stack)
            is_unseen = any("visually-hidden" in attributes.get("class", "") for _tag, attributes in stack)
            if words in text and not (is_isolated or is_unseen) and stack[-1][0] not in ("title", "option"):
                yield " > ".join(tag for tag, _attributes in stack[-4:])


@pytest.fixture
def olga(operator, client):
    client.force_login(operator)
    return operator


def make_chat(owner, document, text="Where does it rain?", answer="“It rains.” [1]", **fields):
    fields = {"state": "complete", "kind": "quoted", **fields}
    question = make_question(owner, text, answer=answer, **fields)
    for number in (1, 2):
        Citation.objects.create(question=question, number=number, document=document, version=document.serving or document.newest, document_title=document.title, heading_path=[document.title], page=1, page_end=1, excerpt="It rains.", start=0, end=9, is_cited=number == 1)  # fmt: skip
    return question


def pages_of(document, question):
    """Every address that a signed-in operator can look at."""
    first = document.get_absolute_url()
    yield from LISTS.values()
    yield from (
        first,
        f"{first}?q=rain",
        f"/?document={document.pk}",
        f"{first}delete/",
        f"{first}replace/",
        "/account/",
        "/c/",
    )
    yield from (
        "/documents/text/",
        "/documents/pages/",
        "/documents/?q=nothing-like-it",
        "/operations/provider/",
    )
    if document.serving:
        yield f"{first}pages/1/"
    yield question.conversation.get_absolute_url()
    yield from (reverse("qa:citation", args=[row.pk]) for row in question.citations.all())


def check(client, urls):
    for url in urls:
        response = client.get(url)
        assert response.status_code == 200, url
        page = Markup(response.text)
        assert page.twice == [], url
        assert page.dangling == [], url


@pytest.mark.parametrize("state", ROWS)
def test_no_page_uses_an_id_twice_and_every_reference_has_its_element(client, olga, state):
    make_rows(state, 2, olga)
    Collection.objects.private_to(olga)
    document = Document.objects.first()
    version = document.versions.get()
    Page.objects.create(version=version, number=1, text="It rains.", start=0)
    Page.objects.create(version=version, number=2, text="", start=11, problem="no_text")
    check(client, pages_of(document, make_chat(olga, document)))


@pytest.mark.parametrize("state", ["running", "complete", "unfinished", "stopped", "interrupted", "failed"])
@pytest.mark.parametrize("kind", ["written", "quoted", "nothing"])
def test_no_conversation_uses_an_id_twice(client, olga, state, kind):
    document = make_document(olga)
    question = make_chat(olga, document, notice="The provider is away.")
    Question.objects.update(state=state, kind=kind)
    for _ in range(2):
        Question.objects.create(
            conversation=question.conversation, parent=question, text="Where?", state=state, kind=kind
        )
    make_chat(olga, document, conversation=question.conversation)
    check(client, [question.conversation.get_absolute_url()])


def test_forms_that_come_back_with_errors_use_no_id_twice(client, olga):
    document = make_document(olga)
    question = make_chat(olga, document)
    Collection.objects.create(name="Shared", everyone_reads=True)
    forms = [
        ("/ask/", {"text": ""}),
        (f"/c/{question.conversation_id}/ask/", {"text": ""}),
        ("/documents/text/", {}),
        ("/documents/pages/", {}),
        (f"/documents/{document.pk}/replace/", {}),
        ("/account/", {"email": "none"}),
        ("/account/password/", {}),
        ("/operations/indexes/", {"model": "?"}),
    ]
    for url, values in forms:
        response = client.post(url, values)
        assert response.status_code in (200, 422), url
        page = Markup(response.text)
        assert (page.twice, page.dangling) == ([], []), url


# Texts from the right


@pytest.mark.parametrize("words", [HEBREW, ARABIC])
@pytest.mark.parametrize("state", ["waiting its turn", "web page", "failed", "summary failed", "cancelled"])
def test_whatever_people_and_documents_wrote_runs_in_its_own_direction(client, olga, state, words):
    make_rows(state, 2, olga)
    Document.objects.update(title=words, summary=words)
    Collection.objects.update(name=words)
    olga.first_name = words
    olga.save()
    document = Document.objects.first()
    document.uploaded_by.first_name = words
    document.uploaded_by.save()
    Page.objects.create(
        version=document.versions.get(), number=1, text=f"It rains. {words}", start=0, label=words
    )
    question = make_chat(olga, document, text=words, answer=f"“{words}” [1]", search_query=f"{words}?", trace=[{"number": 1, "document_title": words, "page_start": 1, "page_end": 1}])  # fmt: skip
    make_chat(olga, document, text=words, conversation=question.conversation, kind="nothing")
    make_chat(olga, document, text=words, conversation=question.conversation, kind="written", model="gpt", answer=f"{words} \\(x^2\\). [1]\n\n- {words}\n\n| {words} |\n|---|\n| {words} |", sentences_checked=1, checks=[{"start": 0, "end": len(words), "verdict": "none", "score": 0, "marks": [{"start": 0, "end": 5, "reason": "name", "text": words}]}])  # fmt: skip
    Notice.objects.create(user=olga, document=document)
    instructions = Instructions.objects.create(collection=document.collection, number=1, text=words)
    Membership.objects.get_or_create(collection=document.collection, user=olga, defaults={"role": "owner"})
    urls = [
        *pages_of(document, question),
        "/documents/changes/",
        f"/collections/{instructions.collection_id}/instructions/",
    ]
    found = {url: list(Markup(client.get(url).text).without_direction(words)) for url in urls}
    assert {url: places for url, places in found.items() if places} == {}


def test_what_is_written_and_what_streams_in_runs_in_its_own_direction(client, olga):
    question = make_question(olga, HEBREW, state="running")
    page = client.get(question.conversation.get_absolute_url()).text
    assert re.search(r'<textarea name="text"[^>]* dir="auto"', page)
    assert re.search(r'<div class="so-far" dir="auto" sse-swap="token"', page)


def test_every_field_for_a_text_takes_the_direction_of_what_is_typed(client, olga):
    make_document(olga)
    for url in ("/", "/documents/", "/documents/text/", "/account/"):
        for field in re.findall(r'<(?:textarea|input type="(?:text|search)")[^>]*>', client.get(url).text):
            assert 'dir="auto"' in field or "hidden" in field, (url, field)
