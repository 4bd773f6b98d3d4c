"""Measure everything and print each goal beside what was measured: `bench/run [--quick] [--only ROW] [--json FILE]`.

Each measurement runs in a process of its own, one after the other, with a site, servers and a provider of its own in a
temporary folder. Ctrl-C ends all of them. The exit code is 1 if a measurement failed; a goal that is not met is no failure.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.harness.goals import GROUPS, Goal, matching
from bench.harness.processes import be_interruptible, ignore_interrupts
from bench.harness.table import Figure, as_json, table

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 40.0  # seconds in which an interrupted measurement stops its servers


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    be_interruptible()
    began, code = time.monotonic(), 0
    figures: dict[str, Figure] = {}
    try:
        code = measure_all(options, figures)
    except KeyboardInterrupt:  # what was measured so far is shown
        code = 130
    print("\n".join([*about(time.monotonic() - began), *table(options.only, figures)]))
    save(options, figures)
    return code


def measure_all(options: argparse.Namespace, figures: dict[str, Figure]) -> int:
    """Add the figures of each measurement; return 1 if one failed."""
    code = 0
    for group in GROUPS:
        goals = [goal for goal in options.only if goal.group == group]
        if goals and (found := measured(group, goals, options)) is None:
            code = 1
        elif goals and found:
            figures |= found
            save(options, figures)
    return code


def save(options: argparse.Namespace, figures: dict[str, Figure]) -> None:
    if options.json:
        options.json.write_text(json.dumps(as_json(options.only, figures), indent=2) + "\n")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; `only` holds the goals that are wanted."""
    parser = argparse.ArgumentParser("bench/run", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("--quick", action="store_true", help="less work, in about two minutes")
    parser.add_argument("--only", nargs="+", default=[], metavar="ROW", help="rows whose name contains it, such as ingest")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    parser.add_argument("--corpus", type=Path, metavar="FOLDER", help="keep the 100,000 chunks here for the next run")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        options.only = matching(options.only)
    except LookupError as error:
        parser.error(str(error))
    return options


def measured(group: str, goals: Sequence[Goal], options: argparse.Namespace) -> dict[str, Figure] | None:
    """Run a measurement and return its figures by key; None if it failed."""
    print(f"{group} ... ", end="", file=sys.stderr, flush=True)
    began = time.monotonic()
    code, output = run([sys.executable, "-m", "bench.harness.measurements", group, *words(goals, options)])
    print(f"{'failed after ' if code else ''}{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if code:
        return None
    found = json.loads(output.splitlines()[-1])
    return {key: Figure(*values) for key, values in found.items()}


def words(goals: Sequence[Goal], options: argparse.Namespace) -> list[str]:
    found = ["--quick"] if options.quick else []
    found += ["--corpus", str(options.corpus.resolve())] if options.corpus else []
    return [*found, "--keys", *(goal.key for goal in goals)]


def run(command: Sequence[str]) -> tuple[int, str]:
    """The exit code and standard output of a command in a group of its own. An interrupt ends the command kindly first."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0)
    try:
        output, _ = process.communicate()
    except KeyboardInterrupt:
        ignore_interrupts()  # `timeout` sends SIGTERM twice
        end(process)
        raise
    return process.returncode, output


def end(process: subprocess.Popen[str]) -> None:
    """Only the leader is interrupted: it ends its servers, in their order."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def about(seconds: float) -> list[str]:
    """When and where it was measured, and what else the machine did."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    cores = os.cpu_count()
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {cores} cores, Python {platform.python_version()}, {seconds:.0f} s; load {load}",
        "",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
