"""Rows and files that many tests begin with: made once in each process, then copied."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from documents.models import Task
from documents.models.task import TaskState
from ragsite import llm
from ragsite.accounts.models import User
from tests.support.tables import filled_tables


@dataclass
class Snapshot:
    owner: int
    rows: dict[str, bytes]
    files: dict[Path, bytes]


_taken: dict[str, Snapshot] = {}


def make_once(name: str, owner: User, make: Callable[[], object]) -> None:
    """Leave in the empty database, and among the files, what `make` makes of this name for the owner.

    From the second test on the rows and their ids are the first one's; the owner takes the id that they refer to.
    """
    before = filled_tables()
    if before - {"accounts_user"} or not embeds_locally():
        make()
    elif name in _taken:
        restore(_taken[name], owner)
    else:
        users = User.objects.count()
        make()
        if User.objects.count() == users:
            _taken[name] = take(owner, filled_tables() - before)


def embeds_locally() -> bool:
    """Otherwise the provider's server counts what it is asked."""
    return llm.embedding_model(llm.default_embedding_model()).is_local


def take(owner: User, tables: set[str]) -> Snapshot:
    root = Path(settings.MEDIA_ROOT)
    files = {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return Snapshot(owner.pk, {table: copy_out(table) for table in tables}, files)


def restore(snapshot: Snapshot, owner: User) -> None:
    with transaction.atomic():
        User.objects.filter(pk=owner.pk).update(id=snapshot.owner)
        owner.pk = snapshot.owner
        with connection.cursor() as cursor:
            cursor.execute("set local session_replication_role = replica")  # in any order
        for table, rows in snapshot.rows.items():
            copy_in(table, rows)
        with connection.cursor() as cursor:
            cursor.execute("set local session_replication_role = origin")
        for task in Task.objects.filter(state=TaskState.OPEN):
            task.enqueue_on_commit()
    for path, content in snapshot.files.items():
        place = Path(settings.MEDIA_ROOT) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def copy_out(table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f'copy "{table}" to stdout') as copy:
        return b"".join(map(bytes, copy))


def copy_in(table: str, rows: bytes) -> None:
    with connection.cursor() as cursor, cursor.copy(f'copy "{table}" from stdin') as copy:
        copy.write(rows)
