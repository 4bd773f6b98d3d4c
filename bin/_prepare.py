"""Migrate, collect static files and load the sample document, in one process.

The argument is a fingerprint of their sources. It is stored, so that bin/dev can skip this step if nothing changed.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ragsite.settings")

import django

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder


def main(fingerprint: str) -> None:
    call_command("migrate", interactive=False)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("load_sample")
    applied = len(MigrationRecorder(connection).applied_migrations())
    (settings.VAR_DIR / "prepared.json").write_text(json.dumps({"of": fingerprint, "migrations": applied}))


if __name__ == "__main__":
    main(sys.argv[1])
