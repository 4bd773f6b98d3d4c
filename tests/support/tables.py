"""The tables of the test's database."""

from functools import cache

from django.db import connection

# Rows that migrations made: no test changes them, and Django would make them anew after every emptying.
KEPT_TABLES = {"auth_permission", "django_content_type", "django_migrations"}


@cache
def own_tables() -> list[str]:
    """All whose rows tests make."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted(set(names) - KEPT_TABLES)


def filled_tables() -> set[str]:
    """Those of them that have a row."""
    with connection.cursor() as cursor:
        cursor.execute(
            " union all ".join(f"(select '{table}' from {table} limit 1)" for table in own_tables())
        )
        return {table for (table,) in cursor.fetchall()}


def drop_vector_indexes() -> None:
    """Tests that fill an index leave one; PostgreSQL would plan all later queries with each of them in mind."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select indexrelid::regclass::text from pg_index"
            " where indrelid = 'documents_chunk'::regclass and indexrelid::regclass::text ~ '^chunk_vectors_[0-9]+$'"
        )
        if names := [name for (name,) in cursor.fetchall()]:
            cursor.execute(f"drop index {', '.join(names)}")
