"""Checks of the processes that must run: workers and clock."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from documents.work.queue import queue_connection, workers_alive
from documents.work.reconciler import clock_alive
from ragsite.operations.doctor.finding import Finding, fail, ok, run_check, warn


def examine() -> Iterator[Finding]:
    yield run_check("workers", check_workers)
    yield run_check("clock", check_clock)


def check_workers() -> Finding:
    count = workers_alive(queue_connection())
    if not count:
        sentence = _("No worker is running: documents are not processed.")
        return fail("workers", sentence, _("Start the worker line of the Procfile."))
    sentence = ngettext("%(count)s worker is running.", "%(count)s workers are running.", count)
    return ok("workers", sentence % {"count": count})


def check_clock() -> Finding:
    if clock_alive():
        return ok("clock", _("The clock is running."))
    sentence = _("No clock is running: lost jobs return more slowly, and old records are not pruned.")
    return warn("clock", sentence, _("Start the clock line of the Procfile."))
