"""Deletes orphaned files from the storage: left by a process that died between storing a file and committing its row."""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta

from django.core.files.storage import Storage
from django.db.models import Q

from documents.models import Version

logger = logging.getLogger("ragsite.sweep")

FOLDER = re.compile(r"[0-9a-f]{2}")
NAME = re.compile(r"[0-9a-f]{32}")  # as made by `random_name`; other files are not ours
OLD_ENOUGH = timedelta(days=1)  # the row of a newer file may not be committed yet


def sweep_files(now: datetime) -> int:
    """Delete orphaned files; return how many. Each hour checks another 24th of the storage."""
    storage = Version._meta.get_field("file").storage
    try:
        folders = [
            folder
            for folder in storage.listdir("")[0]
            if FOLDER.fullmatch(folder) and int(folder, 16) % 24 == now.hour
        ]
        orphans = [
            name
            for name in orphaned_names(storage, folders)
            if storage.get_modified_time(name) < now - OLD_ENOUGH
        ]
        for name in orphans:
            storage.delete(name)
    except FileNotFoundError:  # nothing was ever stored
        return 0
    except Exception as error:  # the storage may be away or unable to list files; the next hour tries again
        logger.warning("files not swept: %s", type(error).__name__)
        return 0
    if orphans:
        logger.info("swept=%s files", len(orphans))
    return len(orphans)


def orphaned_names(storage: Storage, folders: list[str]) -> set[str]:
    """The files in these folders that no version refers to."""
    stored = {
        f"{folder}/{name}"
        for folder in folders
        for name in storage.listdir(folder)[1]
        if NAME.fullmatch(name) and name.startswith(folder)
    }
    if not stored:
        return stored
    within = Q()
    for folder in folders:
        within |= Q(file__startswith=f"{folder}/")
    return stored - set(Version.objects.filter(within).values_list("file", flat=True))
