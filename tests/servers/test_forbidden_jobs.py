"""Jobs planted in Redis: only allowed functions run, and no callbacks."""

import pytest
from rq.job import Callback

from documents.work.job import ForbiddenJob, Job
from documents.work.queue import get_queue
from documents.work.runner import run_task


def planted(function, queue, **options):
    return Job.create(function, args=[1], connection=queue.connection, serializer=queue.serializer, **options)


def test_only_our_own_function_is_run(queue):
    assert planted("documents.work.runner.run_task", queue).func is run_task
    for name in ("os.getpid", "documents.work.queue.delete_job", "builtins.print"):
        with pytest.raises(ForbiddenJob):
            _ = planted(name, queue).func


@pytest.mark.parametrize("event", ["on_success", "on_failure", "on_stopped"])
def test_a_job_with_a_callback_is_not_run(queue, event):
    with pytest.raises(ForbiddenJob, match="callbacks"):
        _ = planted("documents.work.runner.run_task", queue, **{event: Callback("os.getpid")}).func


def test_a_planted_job_ends_on_the_failed_list_and_runs_nothing(queue, work, tmp_path):
    queue.enqueue_job(planted("os.mkdir", queue, description=str(tmp_path / "made")))
    work()
    assert not (tmp_path / "made").exists()
    assert len(get_queue("documents").failed_job_registry) == 1
