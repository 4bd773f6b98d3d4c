"""A list costs the same number of queries whatever its length, in every state that its rows can be in."""

from datetime import timedelta
from itertools import count

import pytest
from django.contrib.admin import site as admin_site
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from documents.models import (
    Attempt,
    Chunk,
    Collection,
    Document,
    Index,
    Membership,
    Notice,
    Page,
    Role,
    Task,
    Version,
)
from documents.models.states import State, SummaryState
from documents.models.task import Kind, TaskState
from qa.models import Case, Citation, Conversation, Evaluation, Question, QuestionSet
from qa.models.scope import Scope
from ragsite.accounts.models import User
from ragsite.context import MENU_CONVERSATIONS
from tests.http.test_access import undone

FEW, MANY = 3, 30
NUMBERS = count()
SCAN_REPORT = {"total": 2, "readable": 1, "problems": {"no_text": [[1, 1]]}, "tables": 0}
SCAN_FAILURE = {
    "state": State.FAILED,
    "failure_kind": "no_text",
    "failure": "It is a scan.",
    "remedy": "Use OCR.",
}
# What the columns of its rows hold, their tasks, and what the version that serves says of its pages.
ROWS = {
    "waiting its turn": ({}, [{"kind": Kind.INDEX}], None),
    "waiting after a provider failure": (
        {"failure_kind": "unreachable", "failure": "The provider is away."},
        [{"kind": Kind.INDEX, "tries": 3, "error_kind": "unreachable"}],
        None,
    ),
    "web page waiting after a failure": (
        {"source": "web", "url": "https://example.org/", "failure_kind": "away", "failure": "The site is away."},
        [{"kind": Kind.FETCH, "tries": 2, "error_kind": "away"}, {"kind": Kind.INDEX}],
        None,
    ),
    "web page": ({"source": "web", "url": "https://example.org/", "state": State.READY}, [{"kind": Kind.FETCH, "state": TaskState.DONE}], {}),
    "reading": ({"state": State.EXTRACTING, "progress_total": 9}, [{"kind": Kind.INDEX}], None),
    "failed": ({"state": State.FAILED, "failure": "It is damaged."}, [{"kind": Kind.INDEX, "state": TaskState.FAILED}], None),
    "needs a password": ({"state": State.FAILED, "failure_kind": "password", "failure": "A password."}, [{"kind": Kind.INDEX, "state": TaskState.FAILED}], None),
    "cancelled": ({"state": State.CANCELLED}, [{"kind": Kind.INDEX, "state": TaskState.CANCELLED}], None),
    "scanned": (SCAN_FAILURE, [{"kind": Kind.OCR, "state": TaskState.FAILED}], SCAN_REPORT),
    "scan being read": ({"state": State.READY}, [{"kind": Kind.OCR}], SCAN_REPORT),
    "scan that needs its password again": ({"state": State.READY}, [{"kind": Kind.OCR, "state": TaskState.FAILED, "error_kind": "password"}], SCAN_REPORT),
    "summary failed": ({"state": State.READY, "summary_state": SummaryState.FAILED}, [{"kind": Kind.SUMMARISE, "state": TaskState.FAILED}], {}),
    "summary being written": ({"state": State.READY, "summary_state": SummaryState.WAITING}, [{"kind": Kind.SUMMARISE}], {}),
    "replaced": ({"state": State.WAITING, "sha256": "of the new content"}, [{"kind": Kind.INDEX}], {}),
    "replaced in vain": ({"state": State.FAILED, "failure": "It is damaged."}, [{"kind": Kind.INDEX, "state": TaskState.FAILED}], {}),
    "sample": ({"state": State.READY, "is_sample": True}, [], {}),
    "from an archive or a folder": ({"state": State.READY, "synced_from": "/srv", "path": "a/b.txt"}, [], {}),
}  # fmt: skip


@pytest.fixture
def olga(operator, client):
    client.force_login(operator)
    return operator


def make_rows(state, length, owner):
    """Documents in that state, each with another person, collection, versions and tasks: nothing is shared that a page could keep."""
    fields, tasks, report = ROWS[state]
    people = make_people(length)
    shelves = Collection.objects.bulk_create(
        Collection(name=f"Shelf {state} {n}", everyone_reads=True) for n in range(length)
    )
    documents = Document.objects.bulk_create(
        Document(
            collection=shelf,
            **{"title": f"Day {n}", "uploaded_by": person, **fields, "sha256": f"{state} {n}"[:64]},
        )
        for n, (shelf, person) in enumerate(zip(shelves, people, strict=True))
    )
    versions = Version.objects.bulk_create(
        Version(document=document, number=1, file_name="a.pdf", media_type="application/pdf", size=9, sha256=f"{n}", page_count=2, report=report or {})
        for n, document in enumerate(documents)
    )  # fmt: skip
    if report is not None:
        for document, version in zip(documents, versions, strict=True):
            document.serving = version
        Document.objects.bulk_update(documents, ["serving"])
    make_tasks(documents, tasks)
    Notice.objects.bulk_create(Notice(user=owner, document=document) for document in documents)


def make_people(length):
    """Users with their own collections. Many rows are written by one statement, or they would cost more than the pages."""
    people = User.objects.bulk_create(
        User(username=f"person-{next(NUMBERS)}", first_name=f"Person {n}") for n in range(length)
    )
    own = Collection.objects.bulk_create(
        Collection(name="My documents", private_to=person) for person in people
    )
    Membership.objects.bulk_create(
        Membership(user=person, collection=collection, role=Role.OWNER)
        for person, collection in zip(people, own, strict=True)
    )
    return people


def make_tasks(documents, tasks):
    index, later = Index.objects.live(), timezone.now() + timedelta(hours=1)
    made = Task.objects.bulk_create(
        Task(
            document=document,
            index=index if values["kind"] == Kind.INDEX else None,
            next_try_at=later,
            **values,
        )
        for document in documents
        for values in tasks
    )
    Attempt.objects.bulk_create(
        Attempt(
            task=task, document=task.document, stage="extract", started_at=timezone.now(), outcome="failed"
        )
        for task in made
    )


def queries_of(client, url):
    with CaptureQueriesContext(connection) as seen:
        response = client.get(url)
    assert response.status_code == 200, url
    return len(seen), response.text


LISTS = {
    "home": "/",
    "documents": "/documents/",
    "activity": "/operations/activity/",
    "work that failed": "/operations/activity/work/?state=failed",
    "work that is open": "/operations/activity/work/?state=open",
    "work that waits": "/operations/activity/work/?state=waiting",
    "work that was cancelled": "/operations/activity/work/?state=cancelled",
}


@pytest.mark.parametrize("state", ROWS)
def test_a_list_costs_the_same_however_long_it_is(client, olga, state):
    with undone():
        make_rows(state, 1, olga)
        for url in LISTS.values():
            client.get(url)  # what a process learns once
    costs = []
    for length in (FEW, MANY):
        with undone():
            make_rows(state, length, olga)
            costs.append({name: queries_of(client, url)[0] for name, url in LISTS.items()})
    assert costs[0] == costs[1]


MOST_QUERIES = {"/": 9, "/documents/": 9, "/c/": 7, "/account/": 8}


@pytest.mark.parametrize("url", MOST_QUERIES)
def test_a_page_asks_for_little_besides_what_it_shows(client, olga, url):
    """Session, account, the counts and conversations of the menu, whether something failed; then the page's own."""
    make_rows("web page", FEW, olga)
    Collection.objects.create(name="Handbooks", everyone_reads=True)
    Conversation.objects.create(user=olga, title="Rain")
    client.get(url)

    assert queries_of(client, url)[0] <= MOST_QUERIES[url]


def make_everything(length, owner):
    """Rows of every kind, each beside another document, person and conversation."""
    make_rows("failed", length, owner)
    index = Index.objects.live()
    for n, document in enumerate(Document.objects.select_related("uploaded_by")):
        make_chunk(document, index)
        make_answer(document, f"Rain {n}")
        questions = QuestionSet.objects.create(
            name=f"Set {n}", collection=document.collection, created_by=document.uploaded_by
        )
        Case.objects.create(question_set=questions, text="Where?", document=document)
        Evaluation.objects.create(question_set=questions, index=index)


def make_chunk(document, index):
    version = document.versions.get()
    Page.objects.create(version=version, number=1, text="It rains.", start=0)
    Chunk.objects.create(
        document=document,
        version=version,
        index=index,
        position=0,
        text="It rains.",
        start=0,
        end=9,
        page_start=1,
        page_end=1,
        tokens=3,
        embedding=[0.1] * index.dimensions,
    )


def make_answer(document, title):
    conversation = Conversation.objects.create(
        user=document.uploaded_by, title=title, scope=Scope.of(document)
    )
    question = Question.objects.create(
        conversation=conversation, text="Where?", answer="Here [1].", state="complete", kind="quoted"
    )
    Citation.objects.create(
        question=question,
        number=1,
        document=document,
        version=document.versions.get(),
        document_title=document.title,
        page=1,
        page_end=1,
        excerpt="It rains.",
        start=0,
        end=9,
    )


def changelists():
    for model in sorted(admin_site._registry, key=lambda model: model._meta.label):
        try:
            yield reverse(admin_site_name(model))
        except NoReverseMatch:  # django-rq's dashboard has rows of its own
            continue


def admin_site_name(model):
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"


def test_a_changelist_of_the_administration_costs_the_same_however_long_it_is(client, olga):
    urls = [url for url in changelists() if "django_rq" not in url]
    with undone():
        make_everything(1, olga)
        for url in urls:
            client.get(url)
    costs = []
    for length in (FEW, MANY):
        with undone():
            make_everything(length, olga)
            costs.append({url: queries_of(client, url)[0] for url in urls})
    assert costs[0] == costs[1]


def make_conversation(owner, length, document):
    conversation = Conversation.objects.create(user=owner, title="Rain", scope=Scope.of(document))
    for _ in range(length):
        question = Question.objects.create(
            conversation=conversation,
            scope=conversation.scope,
            text="Where?",
            answer="“It rains.” [1]",
            state="complete",
            kind="quoted",
        )
        again = Question.objects.create(
            conversation=conversation,
            parent=question,
            scope=Scope(frozenset([document.pk, question.pk])),
            text="Where?",
            answer="“It rains.” [1]",
            state="complete",
            kind="quoted",
        )
        for row in (question, again):
            Citation.objects.create(
                question=row,
                number=1,
                document=document,
                version=document.serving,
                document_title=document.title,
                page=1,
                page_end=1,
                excerpt="It rains.",
                start=0,
                end=9,
                is_cited=True,
            )
    return conversation


def test_a_conversation_costs_the_same_however_long_it_is(client, olga):
    make_rows("web page", 1, olga)
    document = Document.objects.get()
    short, long = (make_conversation(olga, length, document) for length in (FEW, MANY))
    client.get(short.get_absolute_url())
    assert queries_of(client, short.get_absolute_url())[0] == queries_of(client, long.get_absolute_url())[0]


def test_the_menu_and_the_list_of_conversations_cost_the_same_however_many_there_are(client, olga):
    costs = []
    client.get("/")  # makes her own collection
    for length in (FEW, 300):
        Conversation.objects.bulk_create(Conversation(user=olga, title=f"Rain {n}") for n in range(length))
        client.get("/c/")
        costs.append([queries_of(client, url)[0] for url in ("/", "/c/", "/account/")])
        Conversation.objects.all().delete()
    assert costs[0] == costs[1]


def test_the_menu_shows_the_newest_conversations_and_the_way_to_all(client, olga):
    Conversation.objects.bulk_create(Conversation(user=olga, title=f"Rain {n}") for n in range(300))
    menu = client.get("/account/").text
    assert menu.count('href="/c/') == MENU_CONVERSATIONS + 1
    assert 'href="/c/"' in menu
    everything = [client.get("/c/", {"page": page}).text for page in range(1, 7)]
    assert all(any(f"Rain {n}<" in page for page in everything) for n in range(300))


def test_a_document_costs_the_same_however_often_it_was_tried(client, olga):
    make_rows("failed", 1, olga)
    document = Document.objects.get()
    costs = []
    for length in (FEW, MANY):
        Attempt.objects.bulk_create(
            Attempt(document=document, stage="extract", outcome="failed") for _ in range(length)
        )
        client.get(document.get_absolute_url())
        costs.append(queries_of(client, document.get_absolute_url())[0])
    assert costs[0] == costs[1]
