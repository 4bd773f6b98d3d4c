"""Settings of logs: every record goes to stdout once, formatted by ragsite/logs.py.

Logs never contain text of documents or questions, titles, file names or keys.
"""

from typing import Any

from ragsite.configuration.environment import env_choice


def logging_settings(level: str, format: str) -> dict[str, Any]:
    """LOGGING for a level and one of the formats "text" and "json"."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"()": "ragsite.logs.TextFormatter"},
            "json": {"()": "ragsite.logs.JSONFormatter"},
        },
        "handlers": {
            "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": format}
        },
        # DEBUG applies to ragsite's own loggers only: libraries would log whole queries and requests.
        "root": {"handlers": ["stdout"], "level": "INFO" if level == "DEBUG" else level},
        "loggers": {
            **{name: {"level": level} for name in ("ragsite", "documents", "qa")},
            # Listed to remove the handlers that they install.
            "django": {"level": "WARNING"},
            "django.server": {"level": "WARNING", "propagate": True},
            "django.request": {"level": "ERROR"},  # refused and missing pages have their own log line
            "uvicorn": {"level": level, "propagate": True},
            "uvicorn.error": {"level": level},
            "uvicorn.access": {"level": "CRITICAL", "propagate": False},  # it would log query strings
            "httpx2": {"level": "WARNING"},
            "psycopg.pool": {"level": "ERROR"},  # it would log five lines a second during an outage
            "pypdf": {"level": "ERROR"},
            "rq": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }


LOG_LEVEL = env_choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
LOG_FORMAT = env_choice("LOG_FORMAT", "text", ["text", "json"])
LOGGING = logging_settings(LOG_LEVEL, LOG_FORMAT)
