"""The parts of bench/run that need no measurement: rows, ratios, options, and that nothing stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.harness import goals, measurements, processes
from bench.harness.__main__ import end, main, parse, words
from bench.harness.goals import GOALS, Goal, matching
from bench.harness.table import Figure, as_json, is_met, table
from tests.support.site import wait_for

WALL = Goal("ingest.wall", "Ingest", 2, "s", is_of_floor=True)
BYTES = Goal("scale.bytes", "Bytes a chunk", 6_000, "B")


def test_a_row_shows_the_figure_beside_its_floor_and_goal():
    lines = table([WALL, BYTES], {"ingest.wall": Figure(7.5, 5.0), "scale.bytes": Figure(8_400)})

    assert [cell.strip() for cell in lines[0].split("|")[1:-1]] == ["row", "goal", "floor", "measured", "ratio", ""]  # fmt: skip
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == ["Ingest", "≤ 2 ×", "5 s", "7.50 s", "1.50 ×", "ok"]  # fmt: skip
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == ["Bytes a chunk", "≤ 6,000 B", "-", "8,400 B", "-", "over"]  # fmt: skip
    assert len({len(line) for line in lines}) == 1


def test_a_row_without_a_figure_says_so():
    assert "not measured" in table([WALL], {})[2]


@pytest.mark.parametrize(
    ("goal", "figure", "met"),
    [
        (WALL, Figure(10, 5), True),
        (WALL, Figure(10.1, 5), False),
        (WALL, Figure(1), False),  # without a floor there is nothing to compare with
        (BYTES, Figure(6_000), True),
        (BYTES, Figure(6_000.5), False),
        (Goal("asking.errors_50", "Errors", 0, ""), Figure(0), True),
        (Goal("asking.errors_50", "Errors", 0, ""), Figure(1), False),
    ],
)
def test_a_goal_is_met_up_to_its_bound(goal, figure, met):
    assert is_met(goal, figure) is met


def test_the_figures_can_be_read_by_a_program():
    found = as_json([WALL, BYTES], {"ingest.wall": Figure(7.5, 5.0)})

    assert [row["key"] for row in found] == ["ingest.wall"]
    assert found[0]["ratio"] == 1.5
    assert found[0]["is_met"]


def test_rows_are_chosen_by_a_word_of_their_name():
    assert {goal.group for goal in matching(["ingest"])} == {"ingest"}
    assert [goal.key for goal in matching(["RELAY of"])] == ["asking.relay"]
    assert matching([]) == list(GOALS)


def test_a_row_that_does_not_exist_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse(["--only", "nonsense"])
    assert "No row is called nonsense." in capsys.readouterr().err


def test_a_measurement_is_told_what_is_wanted(tmp_path):
    options = parse(["--quick", "--only", "postings", "--corpus", str(tmp_path)])

    assert words(options.only, options) == ["--quick", "--corpus", str(tmp_path), "--keys", "scale.postings"]


def test_every_row_has_a_measurement_and_a_key_of_its_own():
    assert set(goals.GROUPS) == set(measurements.MEASUREMENTS)
    assert len({goal.key for goal in GOALS}) == len(GOALS)


def test_a_failed_measurement_is_no_figure_and_the_exit_code_says_so(tmp_path, monkeypatch, capsys):
    """Without a programs folder no server starts."""
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "/bin/false")

    assert main(["--quick", "--only", "postings"]) == 1
    assert "not measured" in capsys.readouterr().out


def test_an_interrupted_measurement_ends_in_its_own_way(tmp_path):
    code = f"import time\nfrom bench.harness.processes import be_interruptible\nbe_interruptible()\ntry:\n    print(1, flush=True); time.sleep(60)\nfinally:\n    open({str(tmp_path / 'ended')!r}, 'w')"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, process_group=0)  # fmt: skip
    process.stdout.readline()

    end(process)

    assert process.poll() is not None
    assert (tmp_path / "ended").exists()


def test_processes_end_with_all_that_they_started():
    stubborn = ["/bin/sh", "-c", "trap '' TERM; sleep 60 & echo ready; wait; sleep 60"]
    process = subprocess.Popen(stubborn, stdout=subprocess.PIPE, start_new_session=True)
    process.stdout.readline()
    numbers = processes.tree(process.pid)
    assert len(numbers) > 1

    processes.end([process], seconds=0.2)

    assert wait_for(lambda: not any(map(is_running, numbers)), seconds=5)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_processor_time_of_children_counts_after_their_end():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(20_000_000))']); print(1, flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()

    assert processes.cpu_seconds([process.pid]) > 0.1
    assert processes.rss_megabytes([process.pid]) >= processes.pss_megabytes([process.pid]) > 0

    process.communicate(b"\n")
    assert processes.tree(process.pid) == []


def test_a_process_that_is_gone_counts_for_nothing():
    assert processes.cpu_seconds([2**22 + 1]) == 0
    assert processes.peak_megabytes(2**22 + 1) == 0


def test_the_command_leaves_no_process_when_it_is_interrupted(tmp_path):
    """As by `timeout`, which sends SIGTERM twice, while a site starts: servers, folders and processes are gone afterwards."""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "bench.harness", "--quick", "--only", "ingest.wall"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0)  # fmt: skip
    wait_for(lambda: list(tmp_path.glob("ragsite-bench-*/log/release-0.log")))
    descendants = processes.tree(process.pid)
    time.sleep(0.5)

    os.killpg(process.pid, signal.SIGTERM)
    os.killpg(process.pid, signal.SIGTERM)
    output, _errors = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"not measured" in output
    assert not any(map(is_running, descendants))
    assert list(tmp_path.iterdir()) == []
