"""A middleware that can only run in sync could not be tested with the asynchronous client, which runs each in the event loop."""

import logging

from django.core.handlers.asgi import ASGIHandler


def test_every_middleware_runs_in_the_event_loop(settings, caplog):
    settings.DEBUG = True  # only then Django tells what it had to adapt
    with caplog.at_level(logging.DEBUG, logger="django.request"):
        handler = ASGIHandler()
        handler.load_middleware(is_async=True)

    assert [record.getMessage() for record in caplog.records if "adapted" in record.getMessage()] == []
