"""The site, but its process ends like a killed one after an upload's commit, before the job is on the queue."""

import os

from django.apps import apps

from ragsite.asgi import application  # sets Django up

__all__ = ["application"]


def die(task):
    os._exit(137)


apps.get_model("documents", "Task").enqueue = die  # type: ignore[method-assign]
