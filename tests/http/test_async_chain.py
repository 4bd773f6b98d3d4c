"""A middleware that can only run in sync would push every request, and every open stream, into a thread."""

import logging

from django.core.handlers.asgi import ASGIHandler


def test_every_middleware_runs_in_the_event_loop(settings, caplog):
    settings.DEBUG = True  # only then Django tells what it had to adapt
    with caplog.at_level(logging.DEBUG, logger="django.request"):
        handler = ASGIHandler()
        handler.load_middleware(is_async=True)

    assert [record.getMessage() for record in caplog.records if "adapted" in record.getMessage()] == []
