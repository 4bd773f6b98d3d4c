"""Measure search in a large corpus: times by scope with cold and warm caches, recall, bytes a chunk, and how long loading takes.

python bench/scale.py [CHUNKS] [--var FOLDER]

Fills a throw-away database with a generated corpus of that many chunks (100,000 by default); with --var it stays in the folder
and a second run measures it again. Prints JSON. Cold: PostgreSQL was restarted, and as root the system's file cache dropped.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ragsite import embedded

DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("chunks", nargs="?", type=int, default=100_000)
    arguments.add_argument("--var", type=Path)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragsite-scale-") as folder:
        var = chosen.var or Path(folder)
        try:
            print(json.dumps(run(var, chosen.chunks), indent=2))
        finally:
            (embedded.stop if chosen.var else embedded.discard)(var)


def run(var: Path, chunks: int) -> dict[str, Any]:
    """Start a database in the folder, fill it unless it is filled, and return all figures. Once a process: it sets Django up."""
    start(var)
    from bench.searching import measure

    return measure(chunks, restart=lambda: restart(var))


def start(var: Path) -> None:
    """Start PostgreSQL for the folder and set Django up on it, with its tables."""
    os.environ |= embedded.start(var, redis=False)
    os.environ |= {"RAGSITE_VAR": str(var), "SECRET_KEY": secrets.token_urlsafe(50), "DEBUG": "False"}
    os.environ.setdefault("REDIS_URL", "unix:///nowhere/redis.sock?db=0")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ragsite.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def restart(var: Path) -> None:
    """Restart PostgreSQL and drop the system's file cache, where this user may."""
    from django.db import connections

    connections.close_all()
    embedded.stop(var)
    subprocess.run(["sync"], check=True)
    with suppress(OSError):
        DROP_CACHES.write_text("3")
    embedded.start(var, redis=False)


if __name__ == "__main__":
    main()
