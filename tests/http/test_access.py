"""Every address the site has, and what a stranger gets there who names another person's things.

The addresses are found by looking through the resolver: one that is not in DOORS fails, so that nobody adds a page
without saying who may see it.
"""

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse

from documents.models import Document
from qa.models import Citation, Question, Share
from tests.support.factories import make_indexed, make_pdf, make_question, make_user

CANARY = "zyxomma"
OPEN, REDIRECT, NOT_SIGNED_IN, FORBIDDEN, MISSING, NO_SUCH_METHOD = 200, 302, 401, 403, 404, 405
OWN = {200, 204, 302, 422}  # a page of one's own, whatever it says; never with a word of hers


@dataclass
class Door:
    """An address with Alice's things in its path, its query and its forms; and what Bob gets.

    Values such as "document" stand for the number of Alice's one.
    """

    get: int | set = NO_SUCH_METHOD
    post: int | set = NO_SUCH_METHOD
    path: dict = field(default_factory=dict)
    query: dict = field(default_factory=dict)
    forms: list = field(default_factory=lambda: [{}])
    is_public: bool = False


PROBE: Any = {"path": {"part": "ledger"}}
DOCUMENT: Any = {"path": {"pk": "document"}}
QUESTION: Any = {"path": {"pk": "question"}}
CONVERSATION: Any = {"path": {"pk": "conversation"}}
DOORS = {
    "healthz": Door(get=OPEN, post=OPEN, is_public=True),
    "readyz": Door(get={200, 503}, post={200, 503}, is_public=True),
    "metrics": Door(get=NOT_SIGNED_IN),
    "home": Door(get=OPEN),
    "accounts:setup": Door(get=REDIRECT, post=REDIRECT, is_public=True),
    "accounts:login": Door(get=REDIRECT, post={REDIRECT, OPEN}, is_public=True),
    "accounts:logout": Door(post=REDIRECT, is_public=True),
    "accounts:account": Door(get=OPEN, post=OWN, forms=[{"id": "alice", "pk": "alice", "email": "b@example.org"}]),
    "accounts:password": Door(post=OWN, forms=[{"id": "alice", "username": "alice", "new_password1": "a new one 77", "new_password2": "a new one 77"}]),
    "sign_in_of_staff": Door(get={OPEN, REDIRECT}, post={OPEN, REDIRECT}, is_public=True),
    "password_of_staff": Door(get=REDIRECT, post=REDIRECT, is_public=True),
    "documents:list": Door(get=OPEN, query={"q": CANARY, "collection": "collection", "page": "2", "tag": "sings", "sort": "size"}),
    "documents:upload": Door(get=REDIRECT, post=422, forms=[{"collection": "collection", "files": "file"}]),
    "documents:pages": Door(get=OPEN, post=422, forms=[{"collection": "collection", "urls": "https://example.org/"}]),
    "documents:text": Door(get=OPEN, post=422, forms=[{"collection": "collection", "title": "x", "text": "y"}]),
    "documents:selected": Door(
        post=REDIRECT,
        forms=[
            {"chosen": ["document"], "action": "retry"},
            {"chosen": ["document"], "action": "refresh"},
            {"chosen": ["document"], "action": "ask"},
            {"chosen": ["document"], "action": "tag", "tags": "x"},
            {"chosen": ["document"], "action": "move", "collection": "collection"},
            {"chosen": ["document"], "action": "delete"},
            {"chosen": ["document"], "action": "delete", "confirmed": "1"},
        ],
    ),
    "documents:changes": Door(get={200, 204, 286}, query={"user": "alice", "document": "document"}, is_public=True),
    "documents:document": Door(get=MISSING, query={"q": CANARY}, **DOCUMENT),
    "documents:page": Door(get=MISSING, path={"pk": "document", "number": 1}),
    "documents:page_image": Door(get=MISSING, path={"pk": "pdf", "number": 1}, query={"width": "800"}),
    "documents:page_marks": Door(get=MISSING, path={"pk": "pdf", "number": 1}, query={"at": "0-9"}),
    "documents:retry": Door(post=MISSING, **DOCUMENT),
    "documents:cancel": Door(post=MISSING, **DOCUMENT),
    "documents:delete": Door(get=MISSING, post=MISSING, **DOCUMENT),
    "documents:replace": Door(get=MISSING, post=MISSING, forms=[{"file": "file"}], **DOCUMENT),
    "documents:tags": Door(post=MISSING, forms=[{"tags": "x"}], **DOCUMENT),
    "documents:rename": Door(get=MISSING, post=MISSING, forms=[{"title": "x"}], **DOCUMENT),
    "documents:keep": Door(post=MISSING, **DOCUMENT),
    "documents:refresh": Door(post=MISSING, **DOCUMENT),
    "documents:password": Door(post=MISSING, forms=[{"password": "x"}], **DOCUMENT),
    "documents:run_ocr": Door(post=MISSING, **DOCUMENT),
    "documents:stop_ocr": Door(post=MISSING, **DOCUMENT),
    "documents:download": Door(get=MISSING, **DOCUMENT),
    "qa:ask": Door(
        post=MISSING,
        forms=[{"text": "Why?", "document": "document"}, {"text": "Why?", "collection": "collection"}],
    ),
    "qa:scope": Door(get=OPEN, query={"q": "sings", "document": "document", "collection": "collection"}),
    "qa:conversations": Door(get=OPEN, query={"q": "sings"}),
    "qa:conversation": Door(get=MISSING, **CONVERSATION),
    "qa:ask_in": Door(post=MISSING, forms=[{"text": "Why?"}, {"text": "Why?", "document": "document"}], **CONVERSATION),
    "qa:delete": Door(post=MISSING, **CONVERSATION),
    "qa:manage": Door(get=MISSING, **CONVERSATION),
    "qa:rename": Door(post=MISSING, forms=[{"title": "x"}], **CONVERSATION),
    "qa:pin": Door(post=MISSING, **CONVERSATION),
    "qa:share": Door(post=MISSING, forms=[{"days": "7"}], **CONVERSATION),
    "qa:export": Door(get=MISSING, path={"pk": "conversation", "kind": "md"}),
    "qa:revoke": Door(post=MISSING, path={"pk": "share"}),
    "qa:shared": Door(get=MISSING, path={"token": "guess"}),
    "qa:stream": Door(get=MISSING, **QUESTION),
    "qa:stop": Door(post=MISSING, **QUESTION),
    "qa:again": Door(post=MISSING, forms=[{}, {"fresh": "1"}], **QUESTION),
    "qa:rate": Door(post=MISSING, forms=[{"value": "1"}], **QUESTION),
    "qa:instructions": Door(get=MISSING, post=MISSING, forms=[{"text": "x"}], path={"pk": "collection"}),
    "qa:citation": Door(get=MISSING, path={"pk": "citation"}, query={"page": "1"}),
    "operations:activity": Door(get=FORBIDDEN, query={"document": "document", "q": CANARY}),
    "operations:activity_part": Door(get=FORBIDDEN, **PROBE),
    "operations:work": Door(get=FORBIDDEN, query={"state": "open"}),
    "operations:replay": Door(post=FORBIDDEN, forms=[{"scope": "work", "chosen": ["task"]}, {"scope": "search", "search": ""}]),
    "operations:cancel": Door(post=FORBIDDEN, forms=[{"scope": "work", "chosen": ["task"]}]),
    "operations:provider": Door(get=FORBIDDEN),
    "operations:test_provider": Door(post=FORBIDDEN),
    "operations:test_connection": Door(post=FORBIDDEN, path={"role": "chat"}, forms=[{"base_url": "http://127.0.0.1:9"}]),
    "operations:save_connection": Door(post=FORBIDDEN, path={"role": "chat"}, forms=[{"base_url": "http://127.0.0.1:9"}]),
    "operations:disconnect": Door(post=FORBIDDEN, path={"role": "chat"}),
    "operations:build_index": Door(post=FORBIDDEN, forms=[{"model": "all-MiniLM-L6-v2", "confirmed": "1"}]),
}  # fmt: skip
# What any member of staff gets in the administration without a single permission; everything else is closed to them.
OPEN_TO_STAFF = {
    "admin:index", "admin:login", "admin:logout", "admin:password_change_done", "admin:jsi18n"
}  # fmt: skip
IN_ADMIN = {
    "object_id": "1", "app_label": "documents", "url": "x", "queue_index": "0", "job_id": "x", "key": "x",
    "registry_name": "failed", "scheduler_index": "0", "connection_index": "0", "worker_name": "x", "api_token": "x",
}  # fmt: skip
WITHOUT_NAME = {"admin:"}  # the old address of a change page, and whatever does not exist


KEPT_OUT = {REDIRECT, NOT_SIGNED_IN, FORBIDDEN, MISSING, NO_SUCH_METHOD}


def all_names(patterns=None, namespace=""):
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if hasattr(pattern, "url_patterns"):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from all_names(pattern.url_patterns, inner)
        else:
            yield f"{namespace}{pattern.name or ''}"


NAMES = sorted(set(all_names()))
SITE = [name for name in NAMES if not name.startswith("admin:")]
KNOWN = [name for name in SITE if name in DOORS]
ADMIN = [name for name in NAMES if name.startswith("admin:") and name not in WITHOUT_NAME]


@pytest.fixture
def things(alice):
    """Numbers of what Alice has; each of her things holds the canary."""
    document = make_indexed(alice, f"The {CANARY} sings in Bergen.", name=f"{CANARY}.txt")
    question = make_question(
        alice,
        f"What does the {CANARY} do?",
        answer=f"The {CANARY} sings [1].",
        state="complete",
        kind="written",
    )
    citation = Citation.objects.create(
        question=question, number=1, document=document, version=document.serving, document_title=document.title,
        page=1, page_end=1, excerpt=f"The {CANARY} sings in Bergen.", start=0, end=20, is_cited=True,
    )  # fmt: skip
    pdf = make_pdf("crazyones.pdf", alice)
    pdf.index()
    return {
        "alice": alice.pk,
        "pdf": pdf.pk,
        "share": Share.objects.make(question.conversation, 7).pk,
        "collection": document.collection_id,
        "document": document.pk,
        "task": document.tasks.first().pk,
        "question": question.pk,
        "conversation": question.conversation_id,
        "citation": citation.pk,
    }


def filled(values, things):
    """The values with Alice's numbers in place of the words that stand for them."""
    return {name: fill(value, things) for name, value in values.items()}


def fill(value, things):
    if isinstance(value, list):
        return [fill(one, things) for one in value]
    if value == "file":
        return SimpleUploadedFile("other.txt", b"Something else.")
    return things.get(value, value)


def address_of(name, door, things):
    return reverse(name, kwargs=filled(door.path, things))


def everything():
    """Every row of ours as it is now, vectors left out."""
    rows = {}
    for label in ("accounts", "documents", "qa"):
        for model in apps.get_app_config(label).get_models():
            names = [
                f.name
                for f in model._meta.concrete_fields
                if "Vector" not in type(f).__name__ and not f.primary_key
            ]
            for row in model.objects.values("pk", *names):
                rows[model.__name__, str(row["pk"])] = hashlib.sha256(repr(row).encode()).hexdigest()
    return rows


def rows_but_of(user, names=None):
    """As `everything`, without the person's own account; only of the rows that were there before, if those are given."""
    rows = everything()
    rows.pop(("User", str(user.pk)), None)
    return rows if names is None else {name: rows.get(name) for name in names}


@contextmanager
def undone():
    """Whatever the block stores is gone after it."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def client_of(user):
    client = Client()
    if user:
        client.force_login(user)
    return client


def tries(client, name, things):
    """What the client gets at that address by each method and form."""
    door = DOORS[name]
    address = address_of(name, door, things)
    yield "GET", as_set(door.get), client.get(address, filled(door.query, things))
    for headers in ({}, {"HX-Request": "true"}):
        for form in door.forms:
            yield "POST", as_set(door.post), client.post(address, filled(form, things), headers=headers)


def as_set(statuses):
    return statuses if isinstance(statuses, set) else {statuses}


def holds_canary(response):
    if response.streaming:  # nothing is begun to be streamed to those who may not
        return response.status_code == OPEN
    return CANARY.encode() in response.content


def test_every_address_says_who_may_come_in():
    assert [name for name in SITE if name not in DOORS] == []


def test_every_entry_is_of_an_address_that_exists():
    assert set(DOORS) - set(SITE) == set()


def test_a_stranger_reads_and_changes_nothing_of_another_person(things, bob):
    wrong, before = [], rows_but_of(bob)
    for name in KNOWN:
        with undone():
            for method, wanted, response in tries(client_of(bob), name, things):
                wrong += [(name, method, response.status_code)] if response.status_code not in wanted else []
                wrong += [(name, method, "shows it")] if holds_canary(response) else []
            wrong += [
                (name, "changed", row)
                for row, value in rows_but_of(bob, before).items()
                if before[row] != value
            ]
    assert wrong == []


def test_nobody_comes_in_without_signing_in(things):
    wrong, before = [], everything()
    for name in [name for name in KNOWN if not DOORS[name].is_public]:
        with undone():
            for method, _wanted, response in tries(client_of(None), name, things):
                to = response.get("Location", "/account/login/")
                is_out = response.status_code in KEPT_OUT and to.startswith("/account/login/")
                wrong += (
                    [] if is_out and not holds_canary(response) else [(name, method, response.status_code)]
                )
            wrong += [(name, "changed something")] if everything() != before else []
    assert wrong == []


def test_its_owner_finds_what_the_stranger_does_not(things, alice):
    """Otherwise a wrong number in the table would make every stranger look kept out."""
    names = [name for name in KNOWN if DOORS[name].get == MISSING and name not in ("qa:stream", "qa:shared")]
    found = {name: client_of(alice).get(address_of(name, DOORS[name], things)).status_code for name in names}
    assert found == dict.fromkeys(names, OPEN)


@pytest.mark.django_db(transaction=True)
def test_a_stream_is_its_askers_alone(alice, bob):
    question = make_question(alice, f"What is a {CANARY}?", state="complete", answer=CANARY, kind="written")
    address = reverse("qa:stream", args=[question.pk])
    assert [client_of(person).get(address).status_code for person in (alice, bob)] == [OPEN, MISSING]
    assert client_of(None).get(address).status_code == REDIRECT


def test_what_everyone_may_read_only_operators_change(things, bob, alice):
    document = Document.objects.get(pk=things["document"])
    type(document.collection).objects.filter(pk=document.collection_id).update(everyone_reads=True)
    client, before = client_of(bob), everything()
    assert client.get(reverse("documents:document", args=[document.pk])).status_code == OPEN
    for name in ("retry", "cancel", "delete", "replace", "keep"):
        assert client.post(reverse(f"documents:{name}", args=[document.pk])).status_code == MISSING
    after = everything()
    assert [row for row, value in before.items() if after.get(row) != value and row[0] != "User"] == []


def admin_address(name):
    kinds = {"content_type_id": ContentType.objects.get_for_model(Document).pk}
    for values in _ways(name):
        try:
            return reverse(name, kwargs=values | {key: kinds[key] for key in kinds if key in values})
        except NoReverseMatch:
            continue
    raise AssertionError(f"IN_ADMIN names too little for {name}")


def _ways(name):
    resolver = get_resolver()
    namespaces, _, last = name.rpartition(":")
    for namespace in namespaces.split(":"):
        resolver = resolver.namespace_dict[namespace][1]
    for forms, *_rest in resolver.reverse_dict.getlist(last):
        for _pattern, parameters in forms:
            yield {parameter: IN_ADMIN.get(parameter, "1") for parameter in parameters}


def test_the_administration_is_for_staff_with_a_permission(things, bob):
    staff, wrong = make_user("sven", is_staff=True), []
    for name in ADMIN:
        address = admin_address(name)
        for person, is_open in (
            (bob, name in {"admin:login", "admin:logout"}),
            (staff, name in OPEN_TO_STAFF),
        ):
            for method in ("get", "post"):
                with undone():
                    response = getattr(client_of(person), method)(address)
                    if holds_canary(response) or not (is_open or response.status_code in KEPT_OUT):
                        wrong.append((name, person.username, method, response.status_code))
    assert wrong == []


def test_operators_see_everybodys_work_on_their_own_pages_only(things, operator):
    client = client_of(operator)
    assert client.get(reverse("documents:document", args=[things["document"]])).status_code == MISSING
    assert client.get(reverse("qa:conversation", args=[things["conversation"]])).status_code == MISSING
    assert client.get(reverse("operations:work")).status_code == OPEN
    assert Question.objects.visible_to(operator).count() == 0
