"""What a person may read and change, although the rule is compiled once for everybody."""

import pytest
from django.contrib.auth.models import AnonymousUser

from documents.models import Collection, Document, Membership, Role
from documents.models.document import DocumentCounts, counts_for
from documents.quotas import quota_of
from tests.support.factories import make_document, make_indexed


@pytest.fixture
def shared(db):
    return Collection.objects.create(name="Handbooks", everyone_reads=True)


def readable(person):
    return {document.title for document in Document.objects.visible_to(person)}


def editable(person):
    return {document.title for document in Document.objects.editable_by(person)}


def test_each_person_reads_their_own_and_what_everyone_reads(alice, bob, operator, shared):
    make_document(alice, name="hers.txt")
    make_document(bob, "It snows.", name="his.txt")
    make_document(operator, "It thaws.", name="shared.txt", collection=shared)

    for _ in range(2):
        assert readable(alice) == {"hers", "shared"}
        assert readable(bob) == {"his", "shared"}
        assert readable(operator) == {"shared"}
        assert readable(AnonymousUser()) == set()


def test_each_person_changes_their_own_and_an_operator_what_everyone_reads(alice, bob, operator, shared):
    make_document(alice, name="hers.txt")
    make_document(operator, "It thaws.", name="shared.txt", collection=shared)

    for _ in range(2):
        assert editable(alice) == {"hers"}
        assert editable(bob) == set()
        assert editable(operator) == {"shared"}
        assert editable(AnonymousUser()) == set()


def test_a_membership_counts_from_the_moment_it_is_given_until_it_is_taken(alice, bob):
    document = make_document(alice, name="hers.txt")
    assert readable(bob) == set()
    membership = Membership.objects.create(user=bob, collection=document.collection)
    assert (readable(bob), editable(bob)) == ({"hers"}, set())
    Membership.objects.filter(pk=membership.pk).update(role=Role.EDITOR)
    assert editable(bob) == {"hers"}
    membership.delete()
    assert (readable(bob), editable(bob)) == (set(), set())


def test_a_deactivated_person_reads_and_changes_nothing(alice):
    make_document(alice)
    alice.is_active = False

    assert (readable(alice), editable(alice), counts_for(alice)) == (set(), set(), DocumentCounts())


def test_counts_and_quota_are_those_of_the_person(alice, bob):
    make_indexed(alice, "It rains.")
    make_document(alice, "It snows.")
    failed = make_document(bob, "It thaws.")
    failed.fail("damaged", "It is damaged.", "")

    for _ in range(2):
        assert counts_for(alice) == DocumentCounts(total=2, moving=1, askable=1)
        assert counts_for(bob) == DocumentCounts(total=1, failed=1)
        assert counts_for(AnonymousUser()) == DocumentCounts()
        assert (quota_of(alice.pk).documents, quota_of(alice.pk).size) == (2, 18)
        assert quota_of(bob.pk).size == 9


def test_a_collection_is_offered_for_new_documents_if_the_person_may_change_it(alice, bob, client):
    shelf = Collection.objects.create(name="Recipes")
    Membership.objects.create(user=alice, collection=shelf, role=Role.EDITOR)
    Membership.objects.create(user=bob, collection=shelf, role=Role.READER)

    for person, is_offered in ((alice, True), (bob, False)):
        client.force_login(person)
        page = client.get("/documents/").text
        assert page.count(f'<option value="{shelf.pk}">Recipes</option>') == (4 if is_offered else 0)
