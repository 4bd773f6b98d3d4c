"""The quick drills, one after the other on one running site; `bin/drill` runs the others too."""

import importlib

import pytest

from tests.drills import DRILLS, FAMILIES, CannotBeStaged, Report
from tests.drills.staging import Stage

for family in FAMILIES:
    importlib.import_module(f"tests.drills.{family}")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("drill"), is_quick=True)
    try:
        stage.__enter__()
    except CannotBeStaged as reason:
        pytest.skip(str(reason))
    yield stage
    stage.__exit__()


@pytest.mark.parametrize("id", [drill.id for drill in DRILLS.values() if drill.is_quick])
def test_the_site_stands_the_drill(id, stage):
    report = Report()
    stage.set_up()
    DRILLS[id].run(stage, report)
    assert report.figures
    # How soon is bin/drill's to judge, on a machine that does nothing else.
    assert [figure.text for figure in report.figures if not (figure.has_passed or figure.is_late)] == []
