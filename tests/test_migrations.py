import pytest
from django.core.management import call_command
from django.db import connection

from documents.models import IndexedVersion, Posting
from documents.models.posting import POSITION_BITS
from qa.retrieval import find_sources
from tests.support.factories import make_indexed


@pytest.mark.django_db(transaction=True)
def test_every_app_migrates_to_zero_and_back():
    for app in ("qa", "documents", "admin", "accounts"):
        call_command("migrate", app, "zero", verbosity=0)
    try:
        assert not [
            name for name in connection.introspection.table_names() if name.startswith(("documents_", "qa_"))
        ]
    finally:
        call_command("migrate", verbosity=0)

    assert "documents_chunk" in connection.introspection.table_names()


def entries():
    """(version, position, lexeme, tf, tokens) of all postings."""
    versions = dict(IndexedVersion.objects.values_list("pk", "version_id"))
    return {
        (versions[key >> POSITION_BITS], key % (1 << POSITION_BITS), posting.lexeme, tf, tokens)
        for posting in Posting.objects.all()
        for key, tokens, tf in posting.unpacked.tolist()
    }


@pytest.mark.django_db(transaction=True)
def test_postings_survive_the_way_to_the_table_of_rows_and_back(alice):
    for number in range(20):  # more than a merge takes
        make_indexed(alice, f"It rains and rains in Bergen.\n\nFile {number}.", name=f"{number}.txt")
    before = entries()
    try:
        call_command("migrate", "documents", "0013", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(
                "select lexeme, tf, count(*) from documents_posting group by 1, 2 having count(*) > 1"
            )
            assert set(cursor.fetchall()) == {("rain", 2, 20), ("bergen", 1, 20), ("file", 1, 20)}
    finally:
        call_command("migrate", verbosity=0)

    assert len(before) == 80
    assert entries() == before
    assert find_sources("rain", user=alice)


@pytest.mark.django_db
def test_the_models_need_no_new_migration():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
