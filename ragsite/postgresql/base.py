"""Django's database backend for PostgreSQL, patient while all connections of the pool are in use."""

from __future__ import annotations

from time import monotonic
from typing import Any

from django.db.backends.postgresql import base
from psycopg_pool import PoolTimeout

PATIENCE_SECONDS = 30


class DatabaseWrapper(base.DatabaseWrapper):
    """The pool's own time-out is short, so that visitors learn soon that the database is away; being busy is no reason."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        until = monotonic() + PATIENCE_SECONDS
        while True:
            failed = self._failed_attempts()
            try:
                return super().get_new_connection(conn_params)
            except PoolTimeout:
                if monotonic() > until or self._failed_attempts() > failed:
                    raise

    def _failed_attempts(self) -> int:
        """How often the pool could not connect, since the process began."""
        return int(self.pool.get_stats().get("connections_errors", 0)) if self.pool else 0
