import numpy as np
import pytest
from django.db import connection

from documents.models import Collection, Document, Index, IndexedVersion, Membership
from qa.models.scope import EVERYTHING, Scope
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.fusion import join_adjacent, within_budget
from qa.retrieval.keywords import rank_by_keywords
from qa.retrieval.retriever import (
    MAX_RANKED,
    embed_question,
    find_sources,
    is_exact,
    rank_chunks,
    readable_documents,
)
from qa.retrieval.search_sql import search_statement
from ragsite import llm
from tests.support.factories import make_indexed

pytestmark = pytest.mark.django_db


def test_a_document_is_found_by_what_it_says(alice):
    make_indexed(alice, "It rains in Bergen.", name="weather.txt")
    make_indexed(alice, "Bread is baked from flour.", name="bread.txt")
    best = find_sources("Where does it rain?", user=alice)[0]
    assert (best.document_title, best.text, best.number) == ("weather", "It rains in Bergen.", 1)


def test_a_source_says_why_it_was_chosen(alice):
    make_indexed(alice, "It rains in Bergen.")
    source = find_sources("rain in Bergen", user=alice)[0]
    assert source.dense_rank == source.keyword_rank == 1
    assert source.dense_score > 0.5
    assert source.keyword_score > 0
    assert source.score == pytest.approx(1)


def test_search_never_finds_the_document_of_another_user(alice, bob):
    make_indexed(alice, "It rains in Bergen.")
    assert find_sources("rain in Bergen", user=bob) == []


def test_a_canary_never_reaches_another_person(alice, bob):
    make_indexed(alice, "The canary is called Zephyrine.", name="canary.txt")
    make_indexed(bob, "Birds live in trees and some of them sing.", name="birds.txt")
    vector = embed_question("canary Zephyrine", Index.objects.live())
    for question in ["canary", "Zephyrine", "What is the canary called?", "The canary is called Zephyrine."]:
        found = find_sources(question, user=bob, vector=vector)
        assert "Zephyrine" not in " ".join(source.text for source in found)


def test_a_shared_collection_is_found_and_no_longer_when_membership_ends(alice, bob):
    document = make_indexed(alice, "It rains in Bergen.")
    membership = Membership.objects.create(user=bob, collection=document.collection)
    assert find_sources("rain", user=bob)
    membership.delete()
    assert not find_sources("rain", user=bob)


def test_a_person_switched_off_finds_nothing(alice):
    make_indexed(alice, "It rains in Bergen.")
    alice.is_active = False
    assert find_sources("rain", user=alice) == []


def test_the_search_stays_in_the_chosen_document_or_collection(alice):
    shelf = Collection.objects.create(name="Travel", everyone_reads=True)
    inside = make_indexed(alice, "It rains in Bergen.", collection=shelf, name="one.txt")
    outside = make_indexed(alice, "Rain falls in London.", name="two.txt")

    assert {source.document_id for source in find_sources("rain", user=alice)} == {inside.pk, outside.pk}
    assert {source.document_id for source in find_sources("rain", user=alice, scope=Scope.of(shelf))} == {
        inside.pk
    }
    assert {source.document_id for source in find_sources("rain", user=alice, scope=Scope.of(outside))} == {
        outside.pk
    }
    other = make_indexed(alice, "Rain in Paris.", name="three.txt")
    both = find_sources("rain", user=alice, scope=Scope.of(shelf, other))
    assert {source.document_id for source in both} == {inside.pk, other.pk}


def test_naming_a_document_gives_no_right_to_it(alice, bob):
    document = make_indexed(alice, "It rains in Bergen.")
    assert find_sources("rain", user=bob, scope=Scope.of(document)) == []
    assert find_sources("rain", user=bob, scope=Scope.of(document.collection)) == []


def test_a_content_that_is_not_served_is_not_found(alice):
    document = make_indexed(alice, "It rains in Bergen.")
    Document.objects.filter(pk=document.pk).update(serving=None)
    assert find_sources("rain", user=alice) == []


def test_a_rare_word_is_found_where_meaning_is_not(alice):
    make_indexed(
        alice,
        "\n\n".join(f"The part number {number} is kept in store." for number in range(100, 130)),
        name="parts.txt",
    )
    make_indexed(alice, "Form XJ-4711 must be signed.", name="form.txt")
    assert find_sources("XJ-4711", user=alice)[0].document_title == "form"


def test_with_the_embedder_away_keywords_still_find(alice, fake_openai):
    make_indexed(alice, "It rains in Bergen.")
    fake_openai.fault("status", status=500, times=0)
    source = find_sources("When does it rain?", user=alice)[0]
    assert source.dense_score is None
    assert source.keyword_rank == 1


def test_meaning_and_keywords_are_weighed_by_the_setting(alice, settings):
    make_indexed(alice, "Felines purr when they are content.", name="cats.txt")
    make_indexed(alice, "The cat programme prints files.", name="unix.txt")
    settings.DENSE_WEIGHT = 0.0
    assert rank_chunks("cat", user=alice)[0].document_title == "unix"
    settings.DENSE_WEIGHT = 1.0
    assert rank_chunks("Why do kittens make that sound?", user=alice)[0].document_title == "cats"


def test_a_question_without_words_finds_by_meaning_without_a_fault(alice):
    make_indexed(alice, "It rains in Bergen.")
    assert find_sources("?", user=alice)
    assert find_sources("   ", user=alice) == []
    assert find_sources("100% of 'it' \\ %s $$ \x01", user=alice)


def test_bm25_is_what_the_books_say(alice):
    texts = ["apple apple banana", "apple cherry", "cherry cherry cherry date"]
    for number, text in enumerate(texts):
        make_indexed(alice, text, name=f"{number}.txt")
    found = rank_chunks("apple banana", user=alice, vector=[])
    lengths = {source.text: source.tokens for source in rank_chunks("apple cherry", user=alice, vector=[])}

    mean = np.mean(
        [lengths[texts[0]], lengths[texts[0]], lengths[texts[1]]]
    )  # of the hits: two in the first, one in the second
    weight = np.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    expected = weight * 2.2 / (1 + 1.2 * (0.25 + 0.75 * lengths[texts[0]] / mean))

    # "apple" stands in two of three and counts only where nothing rarer is asked for.
    assert [source.text for source in found] == [texts[0]]
    assert found[0].keyword_score == pytest.approx(expected)


def source(text="x", *, start=0, version=1, page=1, score=1.0, tokens=10):
    return RetrievedChunk(
        1,
        version,
        "Doc",
        page,
        page,
        "",
        [],
        text,
        start,
        start + len(text),
        tokens,
        score,
        chunk_ids=[start],
    )


def test_touching_passages_become_one_with_the_texts_own_offsets():
    document = "One two three. Four five six.\n\nSeven eight nine."
    first = source(document[:14], start=0, score=0.9)
    second = source(document[9:29], start=9, score=0.8)
    third = source(document[31:], start=31, score=0.7, page=2)
    (joined,) = join_adjacent([first, second, third])
    assert (joined.start, joined.end, joined.score) == (0, len(document), 0.9)
    assert joined.text.split() == document.split()
    assert len(joined.text) == len(document)
    assert (joined.page_start, joined.page_end) == (1, 2)


def test_passages_of_different_versions_are_never_joined():
    assert len(join_adjacent([source("abc", version=1), source("bcd", version=2)])) == 2


def test_sources_fit_the_budget_and_the_best_is_always_there():
    passages = [source(f"text {number}", start=number * 100, tokens=60) for number in range(10)]
    assert len(within_budget(passages, 200)) == 3
    assert len(within_budget(passages, 1)) == 1


def test_a_copy_of_what_is_given_already_is_left_out():
    text = "The lease ends with three months of notice in writing."
    assert len(within_budget([source(text), source(text + " ", version=2)], 2000)) == 1


@pytest.fixture
def library(alice):
    """Five thousand five hundred passages: 500 in Alice's own collection, the others in one that all may read."""
    index = Index.objects.live()
    shelf = Collection.objects.create(name="Large", everyone_reads=True)
    own, large = (
        make_indexed(alice, "It rains in Bergen.", name="own.txt"),
        make_indexed(alice, "Snow.", collection=shelf, name="large.txt"),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "set constraints all immediate"
        )  # what is still to be checked would keep the index from being built
        for document, count in ((own, 500), (large, 5000)):
            cursor.execute(
                "insert into documents_chunk (index_id, document_id, version_id, position, text, heading_path, page_start, page_end,"
                ' start, "end", tokens, embedding) select %s, %s, %s, n + 10, %s || n, %s, 1, 1, n * 20, n * 20 + 10, 5,'
                " array(select random() - .5 + n * 0 from generate_series(1, %s))::real[]::vector::halfvec from generate_series(1, %s) n",
                [index.pk, document.pk, document.serving_id, "passage ", [], index.dimensions, count],
            )
            Document.objects.filter(pk=document.pk).update(chunk_count=count + 1)
            IndexedVersion.objects.filter(version=document.serving_id).update(chunks=count + 1)
        index.create_vector_index()
        cursor.execute("analyze documents_chunk")
        cursor.execute("analyze documents_document")
    return index


def plan_of(index, user, *, exact, scope=EVERYTHING):
    question, readable = "Where does it rain?", readable_documents(user, scope)
    vector = llm.embed_query(question, model=index.embedding_model)
    keywords = rank_by_keywords(question, readable, index)
    sql, params = search_statement(index, readable, keywords, vector, is_exact=exact, limit=MAX_RANKED)
    with connection.cursor() as cursor:
        cursor.execute("explain " + sql, params)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_a_search_over_everything_uses_the_vector_index(library, alice):
    assert not is_exact(library, 5502)
    assert f"Index Scan using {library.vector_index_name}" in plan_of(library, alice, exact=False)
    found = find_sources("Where does it rain?", user=alice)
    assert found[0].text == "It rains in Bergen."


def test_a_small_selection_is_compared_one_by_one(library, alice):
    assert is_exact(library, 501)
    shelf = Collection.objects.private_to(alice)
    assert library.vector_index_name not in plan_of(library, alice, exact=True, scope=Scope.of(shelf))


def test_the_vector_index_still_returns_only_what_may_be_read(library, alice, bob, settings):
    settings.EXACT_SEARCH_LIMIT = 10
    found = rank_chunks("Where does it rain?", user=bob)
    assert len(found) == 40
    assert {source.document_title for source in found} == {"large"}
