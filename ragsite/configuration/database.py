"""Build Django's settings of the database."""

from typing import Any

from psycopg_pool.base import AttemptWithBackoff

HNSW_OPTIONS = "-c hnsw.iterative_scan=relaxed_order -c hnsw.ef_search=100"


def database_settings(parsed: dict[str, Any], *, test_name: str, pool_size: int = 0) -> dict[str, Any]:
    """The entry of DATABASES for a parsed URL. A pool size above 0 gives the process a connection pool."""
    options = {"connect_timeout": 3, **parsed.get("OPTIONS", {})}
    entry = {**parsed, "OPTIONS": options, "TEST": {"NAME": test_name}}
    # A socket folder given as ?host=/folder moves to HOST, the only place where dbshell looks for it.
    if socket_folder := options.pop("host", ""):
        entry["HOST"] = socket_folder
    # The URL's options come last: PostgreSQL uses the last value of a repeated setting.
    options["options"] = f"{HNSW_OPTIONS} {options.get('options', '')}".strip()
    if pool_size:
        options["pool"] = {"min_size": min(2, pool_size), "max_size": pool_size, "timeout": 5}
        # Without health checks, each connection that broke while idle would fail one request.
        entry["CONN_HEALTH_CHECKS"] = True
        # By default the pool doubles its delays without limit, and would notice a restored database late.
        AttemptWithBackoff.INITIAL_DELAY, AttemptWithBackoff.DELAY_BACKOFF = 0.2, 1.0
    return entry
