"""A small office: two editions of a guide, minutes of two months, a letter in German, a mail, a table."""

from datetime import date

import pytest

from documents.ingestion.summarize import key_sentences
from documents.models import Document
from qa.answering import ask
from tests.support.factories import make_indexed
from tests.support.snapshots import make_once

GUIDE = """# Visitor guide {year}

This guide tells volunteers how the museum works. It applies from 1 May {year}.

Written by Odile Marsten, education. Approved by the board of the museum in March.

## Opening

The museum opens at {hour} o'clock. On Mondays it stays closed.

## Groups

A group has at most {size} people. Every group gets a guide for an hour. School classes come in the morning.

## Cloakroom

Umbrellas stay in the cloakroom. Bags larger than a sheet of paper stay there too.
"""
MINUTES = """Board of the museum
Minutes of the meeting of {day}

1. ROOF
{roof}

2. SHOP
The shop sells postcards again. Nobody objected to that.
"""
LETTER = """Museum der Stadt Grünau, den 4. April 2026

Sehr geehrte Frau Marsten,

wir laden Sie und Ihre Gruppe zu unserer Ausstellung über alte Mühlen ein. Sie beginnt am 9. Mai um 11 Uhr und ist für
Kinder und Erwachsene gedacht. Bitte sagen Sie uns bis zum 1. Mai, ob Sie mit dem Bus kommen.

Mit freundlichen Grüßen
Jens Uhland
"""
MAIL = b"""From: Piet Dorrance <piet@example.org>
To: Odile Marsten <odile@example.org>
Subject: Broken projector
Date: Tue, 3 Mar 2026 10:15:00 +0000
Content-Type: text/plain; charset=utf-8

Dear Odile,

the projector in the lecture room is broken. A new lamp costs 140 euros and comes on Friday.

Regards
Piet
"""
PRICES = "Room,Hour,Day\nLecture room,20,120\nGarden,15,90\nStudio,25,150\n"
FILES = {
    "Visitor guide 2025.md": GUIDE.format(year=2025, hour="ten", size=15),
    "Visitor guide 2026.md": GUIDE.format(year=2026, hour="nine", size=20) + "\n## Dogs\n\nDogs on a lead are welcome in the yard.\n",
    "minutes_2026-01-20.txt": MINUTES.format(day="20 January 2026", roof="The roof leaks. Two firms are asked for an offer."),
    "minutes_2026-02-17.txt": MINUTES.format(day="17 February 2026", roof="The firm Halloway repairs the roof in April. It costs 8,200 euros."),
    "Einladung Mühlen.txt": LETTER,
    "Broken projector.eml": MAIL,
    "room prices.csv": PRICES,
}  # fmt: skip


@pytest.fixture
def office(alice):
    make_once("office", alice, lambda: make_office(alice))
    return {document.title: document for document in Document.objects.all()}


def make_office(alice):
    for name, text in FILES.items():
        make_indexed(alice, text, name=name)
    for document in Document.objects.select_related("serving"):
        Document.objects.filter(pk=document.pk).update(summary=key_sentences(document))
    Document.objects.filter(title__startswith="Visitor guide").update(author="Odile Marsten")
    Document.objects.filter(title="minutes 2026-01-20").update(dated=date(2026, 1, 21))


@pytest.fixture
def answered(alice, office):
    """Ask as Alice, and return the answered question."""

    def asked(text, **fields):
        return ask(text, user=alice, **fields)

    return asked


def cited(question):
    return {row.document_title for row in question.citations.cited()}
