"""`bin/drill`: stages the drills one by one and prints the results."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import tempfile
import textwrap
import time
import traceback
from pathlib import Path

from tests.drills import DRILLS, FAMILIES, CannotBeStaged, Drill, Report

FIRST_TWENTY = [
    "J01", "J04", "J06", "J07", "J03", "J10", "J13", "J20", "P04", "P09", "P01", "P03", "D01", "U01", "U06", "W01", "W03", "W04", "L01", "L03"
]  # fmt: skip
WIDTH = 150


def main() -> int:
    for family in FAMILIES:
        importlib.import_module(f"tests.drills.{family}")
    parser = argparse.ArgumentParser(prog="bin/drill", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name every drill and stop")
    parser.add_argument(
        "drills", nargs="*", metavar="ID", help="without any: the first twenty; `all`: every one"
    )
    arguments = parser.parse_args()
    if arguments.list:
        return show_list()
    wanted = list(DRILLS) if arguments.drills == ["all"] else arguments.drills or FIRST_TWENTY
    if unknown := [id for id in wanted if id not in DRILLS]:
        parser.error(f"There is no drill {' '.join(unknown)}; bin/drill --list names them.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing stays behind
    return run([DRILLS[id] for id in wanted])


def show_list() -> int:
    for drill in DRILLS.values():
        print(f"{drill.id:9} {drill.title}")
    return 0


def run(drills: list[Drill]) -> int:
    from tests.drills.staging import Stage

    results = {}
    with tempfile.TemporaryDirectory(prefix="ragsite-drill-") as folder, Stage(Path(folder)) as stage:
        for drill in drills:
            began = time.monotonic()
            results[drill.id], lines = perform(drill, stage)
            show(drill, results[drill.id], lines, time.monotonic() - began)
    failed = [id for id, result in results.items() if result == "FAIL"]
    print(
        f"{sum(result == 'pass' for result in results.values())} of {len(drills)} passed"
        + (f"; FAILED: {' '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def perform(drill: Drill, stage: object) -> tuple[str, list[str]]:
    report = Report()
    try:
        stage.set_up()  # type: ignore[attr-defined]
        drill.run(stage, report)
    except CannotBeStaged as reason:
        return "not staged", [f"cannot be staged here: {reason}"]
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__} at {os.path.basename(where.filename)}:{where.lineno}: {str(error)[-900:]}"
        return "FAIL", [*(figure.text for figure in report.figures), text]
    marks = [figure.text if figure.has_passed else f"{figure.text}  <-- FAIL" for figure in report.figures]
    return "pass" if report.has_passed else "FAIL", marks


def show(drill: Drill, result: str, lines: list[str], seconds: float) -> None:
    print(f"{drill.id:9} {result:10} {drill.title}  [{seconds:.0f} s]")
    for line in lines:
        print(textwrap.indent(textwrap.fill(line, WIDTH), " " * 21))
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
