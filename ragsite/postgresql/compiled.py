"""Querysets that every page runs, compiled once in each process: Django takes about a millisecond for each, each time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

ANYONE = -1  # stands for the number of the person


class Compiled:
    """A queryset of values that depends on nothing but a person's number; `build` gets ANYONE for it."""

    def __init__(self, build: Callable[[int], QuerySet[Any, Any]]) -> None:
        self._build = build

    def rows(self, person: int) -> list[tuple[Any, ...]]:
        """Run it. The values are those of psycopg: a sum is a Decimal."""
        with connection.cursor() as cursor:
            cursor.execute(self._sql, self._parameters_for(person))
            return cursor.fetchall()

    def subquery(self, person: int) -> RawSQL:
        """The right-hand side of `in`, in another queryset."""
        return RawSQL(self._sql, self._parameters_for(person))  # noqa: S611 - compiled by Django

    @property
    def _sql(self) -> str:
        return self._compiled[0]

    def _parameters_for(self, person: int) -> list[Any]:
        return [person if value == ANYONE else value for value in self._compiled[1]]

    @cached_property
    def _compiled(self) -> tuple[str, tuple[Any, ...]]:
        return self._build(ANYONE).query.sql_with_params()
