from __future__ import annotations

import re
from typing import NamedTuple, Self

PATTERN = re.compile(r"task-((\d+)-[0-9a-f]+)-(\d+)-(-?\d+)")


class JobId(NamedTuple):
    """The id of the RQ job that runs a task once, such as task-42-63f0c1a2b3d4e-1-0.

    `task` is the task's name in Redis, see `ragsite.redis.name_of`; `tries` counts the failed tries before the run.
    """

    task: str
    generation: int
    tries: int

    def __str__(self) -> str:
        return f"task-{self.task}-{self.generation}-{self.tries}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None for an id that is not ours."""
        if not (match := PATTERN.fullmatch(text)):
            return None
        return cls(match[1], int(match[3]), int(match[4]))

    @property
    def task_pk(self) -> int:
        """The task's number. After a restore another task may have it: `Task.has_job` compares the whole name."""
        return int(self.task.partition("-")[0])
