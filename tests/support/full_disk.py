"""Storages on a full or read-only disk."""

import errno
import os

from django.core.files.storage import FileSystemStorage


class FullDisk(FileSystemStorage):
    """Writes the first half of a file; then the disk is full."""

    number = errno.ENOSPC

    def _save(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as half:
            half.write(content.read(max(1, (content.size or 2) // 2)))
        raise OSError(self.number, os.strerror(self.number))


class ReadOnlyDisk(FullDisk):
    number = errno.EROFS


def put_files_on(settings, kind):
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": f"tests.support.full_disk.{kind.__name__}"}
    }
