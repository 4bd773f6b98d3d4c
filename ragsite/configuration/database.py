"""Settings of the database. Only the web process uses a pool: a pooled session would keep an advisory lock after its owner ends."""

from typing import Any

from psycopg_pool.base import AttemptWithBackoff

from ragsite.configuration.environment import env, env_bool, env_int, parse_database_url, required
from ragsite.configuration.paths import EMBEDDED_URLS

HNSW_OPTIONS = "-c hnsw.iterative_scan=relaxed_order -c hnsw.ef_search=100"


def database_settings(parsed: dict[str, Any], *, test_name: str, pool_size: int = 0) -> dict[str, Any]:
    """The entry of DATABASES for a parsed URL. A pool size above 0 gives the process a connection pool."""
    options = {"connect_timeout": 3, **parsed.get("OPTIONS", {})}
    entry = {**parsed, "ENGINE": "ragsite.postgresql", "OPTIONS": options, "TEST": {"NAME": test_name}}
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


DATABASE_URL = required(
    "DATABASE_URL",
    env("DATABASE_URL") or EMBEDDED_URLS.get("DATABASE_URL", ""),
    " and no embedded database is running. Run bin/dev, or set it.",
)
DIRECT_DATABASE_URL = env("DIRECT_DATABASE_URL", DATABASE_URL)
DATABASE = parse_database_url("DATABASE_URL", DATABASE_URL)
DATABASE_POOL_SIZE = env_int("DATABASE_POOL_SIZE", 10, 1, 1_000)
HAS_DATABASE_POOL = env_bool("DATABASE_POOL", False)  # set by the web line of the Procfile
DATABASES = {
    "default": database_settings(
        DATABASE,
        test_name=env("RAGSITE_TEST_DATABASE", "test_ragsite"),
        pool_size=DATABASE_POOL_SIZE if HAS_DATABASE_POOL else 0,
    )
}
