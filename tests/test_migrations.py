import pytest
from django.core.management import call_command
from django.db import connection


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


@pytest.mark.django_db
def test_the_models_need_no_new_migration():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
