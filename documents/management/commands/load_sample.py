from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.management.base import BaseCommand
from django.db import transaction

from documents.models import Collection, Document
from ragsite.accounts.models import User

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "Welcome to ragsite.md"


class Command(BaseCommand):
    help = "Add a short sample document that everyone may read, if the site has no users and documents yet. For development."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists() or Document.objects.exists():
            return  # a sample that a person deleted must not come back
        with transaction.atomic(), SAMPLE.open("rb") as stream:
            collection = Collection.objects.create(name="Sample", everyone_reads=True)
            Document.objects.add_file(collection, File(stream, name=SAMPLE.name), user=None, is_sample=True)
