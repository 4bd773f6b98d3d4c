"""The list of documents: sorted by its columns, narrowed to a collection or a tag, and what is done with several at once."""

import pytest
from django.urls import reverse

from documents.models import Collection, Document, Membership, Role, State
from documents.models.document.tags import MAX_TAGS, tags_in
from tests.support.factories import make_document, make_indexed

pytestmark = pytest.mark.django_db
LIST, SELECTED = "/documents/", "/documents/selected/"


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def library(alice):
    """Three documents: the smallest has failed, the newest is of a web page."""
    failed = make_document(alice, "x", name="b.txt", state=State.FAILED, failure="It is damaged.")
    ready = make_document(alice, "It rains. " * 9, name="a.txt", state=State.READY)
    moving = make_document(alice, "It snows. " * 5, name="c.txt", state=State.EXTRACTING)
    return {"a": ready, "b": failed, "c": moving}


def titles(client, **query):
    return [document.title for document in client.get(LIST, query).context["documents"]]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", "cab"),
        ("oldest", "bac"),
        ("title", "abc"),
        ("title_down", "cba"),
        ("size_down", "acb"),
        ("size", "bca"),
        ("state", "bca"),
        ("state_down", "acb"),
        ("nonsense", "cab"),
    ],
)
def test_each_column_sorts_both_ways(alices, library, sort, expected):
    assert titles(alices, sort=sort) == list(expected)


def test_a_heading_says_how_it_sorts_and_keeps_the_search(alices, library):
    page = alices.get(LIST, {"sort": "title", "q": "a", "state": "ready", "page": "1"}).text
    assert page.count("aria-sort=") == 1
    head = page[page.index("document-title-head") :].partition("</th>")[0]
    assert 'aria-sort="ascending"' in head
    assert "?sort=title_down&amp;q=a&amp;state=ready" in head
    newest_first = alices.get(LIST).text
    assert 'aria-sort="descending"' in newest_first[newest_first.index("document-date-head") :]


def test_the_list_is_narrowed_to_a_collection_that_can_be_asked(alices, alice, library):
    shelf = Collection.objects.create(name="Atlas")
    Membership.objects.create(user=alice, collection=shelf, role=Role.OWNER)
    make_document(alice, "It rains in Paris.", name="Paris.txt", collection=shelf)
    assert titles(alices, collection=shelf.pk) == ["Paris"]
    assert f'href="/?collection={shelf.pk}"' in alices.get(LIST, {"collection": shelf.pk}).text


def test_another_persons_collection_narrows_to_nothing_and_is_not_named(alices, bob):
    shelf = make_document(bob).collection
    Collection.objects.filter(pk=shelf.pk).update(name="Secret shelf")
    response = alices.get(LIST, {"collection": shelf.pk})
    assert not response.context["documents"]
    assert "Secret shelf" not in response.text


class TestTags:
    def test_several_are_tagged_and_found_by_their_tag(self, alices, library):
        chosen = [library["a"].pk, library["b"].pk]
        alices.post(SELECTED, {"action": "tag", "chosen": chosen, "tags": "Garden, to do"})
        assert sorted(titles(alices, tag="to do")) == ["a", "b"]
        alices.post(SELECTED, {"action": "untag", "chosen": chosen[:1], "tags": "TO DO"})
        assert titles(alices, tag="to do") == ["b"]
        assert Document.objects.get(title="a").tags == ["Garden"]

    def test_a_documents_page_sets_its_tags(self, alices, library):
        url = reverse("documents:tags", args=[library["a"].pk])
        assert alices.post(url, {"tags": "rain,  snow , RAIN,"}).status_code == 302
        assert "rain" in alices.get(library["a"].get_absolute_url()).text
        assert Document.objects.get(title="a").tags == ["rain", "snow"]

    def test_who_may_only_read_tags_nothing(self, client, bob, library):
        document = library["a"]
        Membership.objects.create(user=bob, collection=document.collection, role=Role.READER)
        client.force_login(bob)
        assert client.post(reverse("documents:tags", args=[document.pk]), {"tags": "x"}).status_code == 404
        said = client.post(SELECTED, {"action": "tag", "chosen": document.pk, "tags": "x"}, follow=True).text
        assert "You may read these documents, but not change them." in said
        assert not Document.objects.exclude(tags=[]).exists()

    def test_tags_are_short_and_few(self, library):
        assert tags_in(f" a  b ,, {'x' * 99}\n") == ["a b", "x" * 40]
        library["a"].tag(str(n) for n in range(99))
        assert len(Document.objects.get(title="a").tags) == MAX_TAGS


class TestMoving:
    @pytest.fixture
    def shelf(self, alice):
        shelf = Collection.objects.create(name="Atlas")
        Membership.objects.create(user=alice, collection=shelf, role=Role.EDITOR)
        return shelf

    def test_several_are_moved_and_both_collections_change(self, alices, alice, bob, library, shelf):
        Membership.objects.create(user=bob, collection=shelf, role=Role.READER)
        own = library["a"].collection
        stamps = {own.stamp, shelf.stamp}
        chosen = [library["a"].pk, library["b"].pk]
        said = alices.post(
            SELECTED, {"action": "move", "chosen": chosen, "collection": shelf.pk}, follow=True
        ).text
        assert "2 documents were moved to Atlas." in said
        assert set(Document.objects.visible_to(bob).values_list("title", flat=True)) == {"a", "b"}
        own.refresh_from_db()
        shelf.refresh_from_db()
        assert not stamps & {own.stamp, shelf.stamp}

    def test_what_the_collection_has_or_a_folder_keeps_stays(self, alices, alice, library, shelf):
        make_document(alice, "It rains. " * 9, name="same.txt", collection=shelf)
        Document.objects.filter(pk=library["b"].pk).update(path="b.txt", synced_from="/srv")
        chosen = [document.pk for document in library.values()]
        said = alices.post(
            SELECTED, {"action": "move", "chosen": chosen, "collection": shelf.pk}, follow=True
        ).text
        assert "1 document was moved to Atlas." in said
        assert "2 stayed where they are" in said
        assert {document.title for document in shelf.documents.all()} == {"same", "c"}

    @pytest.mark.parametrize("collection", ["", "x", "999999", "bob"])
    def test_nothing_is_moved_to_where_one_may_not_add(self, alices, bob, library, collection):
        hers = Collection.objects.private_to(bob)
        target = hers.pk if collection == "bob" else collection
        said = alices.post(
            SELECTED, {"action": "move", "chosen": library["a"].pk, "collection": target}, follow=True
        ).text
        assert "Choose a collection to which you may add documents." in said
        assert not hers.documents.exists()


def test_the_ticked_ones_can_be_asked_by_who_may_read_them(client, alice, bob):
    shared = make_indexed(alice, "It rains in Bergen.", name="Bergen.txt")
    secret = make_indexed(
        alice, "It rains in Oslo.", name="Oslo.txt", collection=Collection.objects.create(name="Secret")
    )
    Membership.objects.create(user=bob, collection=shared.collection, role=Role.READER)
    client.force_login(bob)
    response = client.post(SELECTED, {"action": "ask", "chosen": [shared.pk, secret.pk]})
    assert response["Location"] == f"/?document={shared.pk}"
    said = client.post(SELECTED, {"action": "ask", "chosen": [secret.pk]}, follow=True).text
    assert "Select some documents first." in said
