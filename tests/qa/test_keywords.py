"""The keyword search against BM25 written plainly in SQL over the chunks' text, on generated chunks."""

import numpy as np
import pytest
from django.db import connection, transaction

from documents.ingestion import postings, store
from documents.ingestion.splitter import ChunkText
from documents.models import Chunk, Collection, Document, Index, IndexedVersion, Posting, Segment
from qa.models.scope import Scope
from qa.retrieval import keywords
from qa.retrieval.frequencies import count_words
from qa.retrieval.keywords import CANDIDATES, rank_by_keywords
from qa.retrieval.postings import Words, read_postings
from qa.retrieval.retriever import readable_documents
from tests.support.factories import make_document, make_user

pytestmark = pytest.mark.django_db

REFERENCE = """
with words as (
    select lexeme, cardinality(positions) as times from unnest(to_tsvector('english', normalize(%(question)s, NFKC)))
),
chunks as (select * from documents_chunk where version_id = any(%(versions)s) and index_id = %(index)s),
hits as (
    select w.lexeme, words.times, c.id, c.version_id, c.position, c.tokens, cardinality(w.positions) as tf
    from chunks c, unnest(to_tsvector('english', normalize(c.text, NFKC))) w join words using (lexeme)
),
size as (select (select count(*) from chunks)::float8 as chunks, (select avg(tokens) from hits)::float8 as mean_tokens),
weights as (
    select lexeme, df, ln(1 + (greatest(chunks - df, 0) + .5) / (df + .5)) as idf, df > chunks / 2 as is_frequent
    from (select lexeme, count(*)::float8 as df from hits group by lexeme) frequencies, size
)
select version_id, position, sum(times * idf * tf * 2.2 / (tf + 1.2 * (.25 + .75 * tokens / mean_tokens))) as score
from hits join weights using (lexeme), size
where not is_frequent or not exists (select from weights where not is_frequent)
group by id, version_id, position order by score desc, id limit %(candidates)s
"""
WORDS = [
    one + two
    for one in ("ba", "do", "ki", "lu", "me", "ro", "ti", "vu")
    for two in ("mak", "nop", "rik", "zul")
]
WEIGHTS = 1 / np.arange(1, len(WORDS) + 1)
SEEDS = range(6)


@pytest.fixture
def merges(django_capture_on_commit_callbacks):
    """Runs what a commit would run: the merges."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def fill(random, user, collection, *, documents=8):
    """Documents of a few chunks each; the first word stands in nearly every chunk, the last ones in few."""
    index = Index.objects.live()
    for _number in range(documents):
        document = make_document(user, str(random.random()), collection=collection)
        count = int(random.integers(1, 30))
        texts = [
            " ".join(random.choice(WORDS, random.integers(3, 25), p=WEIGHTS / WEIGHTS.sum()))
            for _each in range(count)
        ]
        replace(document, index, list(map(chunk_of, texts)))


def chunk_of(text):
    return ChunkText(text, 0, len(text), 1, 1, [], tokens=len(text.split()))


def replace(document, index, chunks):
    version = document.newest
    vectors = np.ones((len(chunks), index.dimensions), dtype=np.float32)
    with transaction.atomic():
        store.replace_chunks(version, index, chunks, vectors)
    Document.objects.filter(pk=document.pk).update(serving=version, chunk_count=len(chunks))


def reference(question, user, collections=None):
    scope = readable_documents(user, Scope.of(*collections or ()))
    values = {
        "question": question,
        "versions": list(scope.values_list("serving_id", flat=True)),
        "index": Index.objects.live().pk,
        "candidates": CANDIDATES,
    }
    with connection.cursor() as cursor:
        cursor.execute(REFERENCE, values)
        return cursor.fetchall()


def found(question, user, collections=None):
    """As `reference`: version, position, score."""
    best = rank_by_keywords(
        question, readable_documents(user, Scope.of(*collections or ())), Index.objects.live()
    )
    versions = dict(IndexedVersion.objects.values_list("pk", "version_id"))
    return list(zip([versions[pk] for pk in best.versions], best.positions, best.scores, strict=True))


def assert_same(question, user, collections=None):
    """Where a frequent word was left unread, only the mean length of a hit differs: it lacks those of that word."""
    ours, plain = found(question, user, collections), reference(question, user, collections)
    scores = [score for *_place, score in ours]
    is_pruned = bool(unread(question, user, collections))
    assert scores == pytest.approx([score for *_place, score in plain], rel=0.1 if is_pruned else 1e-12)
    if not is_pruned:
        assert [place for *place, _score in ours] == [place for *place, _score in plain]


def unread(question, user, collections=None):
    index, scope = Index.objects.live(), readable_documents(user, Scope.of(*collections or ()))
    return read_postings(
        Words.of(question, index), scope, index, skip_frequent_from=keywords.SKIP_FREQUENT_FROM
    ).unread


def questions(random):
    for size in (1, 3, 8):
        yield " ".join(random.choice(WORDS[2:], size))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ranking_is_that_of_the_plain_statement(alice, merges, seed):
    random = np.random.default_rng(seed)
    shelf, other = (Collection.objects.create(name=name, everyone_reads=True) for name in ("one", "two"))
    with merges():
        fill(random, alice, shelf)
        fill(random, alice, other, documents=32)
    assert Segment.objects.count() < 40  # some were merged
    for question in questions(random):
        assert_same(question, alice)
        assert_same(question, alice, [shelf])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_frequent_word_left_unread_changes_no_more_than_the_mean_length(alice, merges, monkeypatch, seed):
    monkeypatch.setattr(keywords, "SKIP_FREQUENT_FROM", 0)
    random = np.random.default_rng(seed)
    with merges():
        fill(random, alice, Collection.objects.private_to(alice), documents=20)
    question = f"{WORDS[0]} {WORDS[20]}"
    assert unread(question, alice) == {WORDS[0]}
    with monkeypatch.context() as patch:
        patch.setattr(keywords, "SKIP_FREQUENT_FROM", 1_000_000)
        assert not unread(question, alice)
        assert_same(question, alice)
    assert_same(question, alice)


def test_a_frequent_word_alone_is_read(alice, monkeypatch):
    monkeypatch.setattr(keywords, "SKIP_FREQUENT_FROM", 0)
    fill(np.random.default_rng(1), alice, Collection.objects.private_to(alice))
    assert_same(WORDS[0], alice)
    assert_same(f"{WORDS[0]} unheard", alice)


def test_what_is_deleted_or_indexed_again_is_counted_no_more(alice, merges):
    random = np.random.default_rng(7)
    with merges():
        fill(random, alice, Collection.objects.private_to(alice), documents=40)
    documents = list(Document.objects.order_by("pk"))
    with merges():
        for document in documents[::3]:
            document.delete()
        for document in documents[1::3]:
            replace(
                document,
                Index.objects.live(),
                [chunk_of(f"{WORDS[3]} {WORDS[9]} {number}") for number in range(4)],
            )
    for question in questions(random):
        assert_same(question, alice)

    with merges():
        assert postings.purge_segments() > 0
    assert postings.purge_segments() == 0
    alive = set(IndexedVersion.objects.values_list("pk", flat=True))
    stored = np.concatenate([posting.unpacked for posting in Posting.objects.all()])
    assert set((stored["key"] >> 32).tolist()) <= alive
    for question in questions(random):
        assert_same(question, alice)


def test_nothing_is_left_of_the_last_document(alice, merges):
    with merges():
        fill(np.random.default_rng(8), alice, Collection.objects.private_to(alice), documents=20)
    Document.objects.all().delete()
    assert [model.objects.count() for model in (Chunk, IndexedVersion, Segment, Posting)] == [0] * 4


def test_the_words_of_others_change_no_ranking(alice, bob):
    random = np.random.default_rng(9)
    fill(random, alice, Collection.objects.private_to(alice))
    before = [found(question, alice) for question in (*WORDS, "bamak romak")]
    fill(random, bob, Collection.objects.private_to(bob), documents=12)
    assert [found(question, alice) for question in (*WORDS, "bamak romak")] == before
    assert found(WORDS[0], make_user("carol")) == []


def test_words_are_counted_in_the_searched_documents_alone(alice, bob):
    random = np.random.default_rng(10)
    for user in (alice, bob):
        fill(random, user, Collection.objects.private_to(user))
    frequencies = count_words(WORDS, readable_documents(alice), Index.objects.live())
    texts = list(Chunk.objects.visible_to(alice).values_list("text", flat=True))
    assert frequencies.chunks == len(texts)
    assert frequencies.counts == {word: sum(word in text.split() for text in texts) for word in WORDS}


def test_a_second_index_has_postings_of_its_own(alice):
    document, index = make_document(alice), Index.objects.live()
    other = Index.objects.create(embedding_model="other", dimensions=3, chunk_tokens=100, chunk_overlap=0)
    for each, text in ((index, "first"), (other, "second")):
        replace(document, each, [chunk_of(text)])
    scope = readable_documents(alice)
    assert rank_by_keywords("first second", scope, index).positions == [0]
    assert set(Posting.objects.filter(segment__index=other).values_list("lexeme", flat=True)) == {"second"}
    other.delete()
    assert set(Posting.objects.values_list("lexeme", flat=True)) == {"first"}


def test_a_merge_does_not_wait_for_another(alice):
    fill(np.random.default_rng(11), alice, Collection.objects.private_to(alice), documents=3)
    segments = list(Segment.objects.values_list("pk", flat=True))
    assert postings.merge(segments)
    assert not postings.merge(segments)  # they are gone
    assert Segment.objects.count() == 1


def test_a_segment_whose_last_versions_went_at_the_same_moment_is_purged():
    segment = Segment.objects.create(index=Index.objects.live(), chunks=3)
    Posting.objects.create(segment=segment, lexeme="rain", entries=bytes(12))
    postings.purge_segments()
    assert not Segment.objects.exists()
    assert not Posting.objects.exists()
