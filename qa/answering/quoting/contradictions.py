"""Documents that say the same thing with different figures: both are shown, the newer first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from documents.models import Document
from qa.answering import parts
from qa.answering.quoting.answer import Extract
from qa.answering.quoting.asked import Asked
from qa.answering.quoting.assembling import answer_of
from qa.answering.quoting.forms import NUMBER
from qa.answering.quoting.units import Unit
from qa.retrieval.stop_words import NUMBERS, content_words

MIN_SAME = 0.7  # of the words beside the figures
MIN_WORDS = 2
MAX_SHOWN = 3
WORDS_BEFORE = 4  # the figure that differs, of an older document that says the same at length
MAX_LESS, MAX_LESS_IF_READ = 0.12, 0.3  # in score; more where the cross-encoder says that it answers
# What the titles of two editions of one document differ in.
EDITION = re.compile(
    r"\b(?:19|20)\d\d\b|\b(?:edition|version|ausgabe|fassung|stand|new|old|draft|of|from|v?\d+(?:\.\d+)*)\b|[^\w]+|_"
)
YEAR = re.compile(r"\b(?:19|20)\d\d\b")


def contradicting(best: Unit, units: Sequence[Unit], ranked: Sequence[Unit] = ()) -> list[Unit]:
    """Return the best unit and those of other documents that say the same with other figures; [] if all agree.

    What answers best in another edition of the best unit's document, of those `ranked`, may say it in other words.
    """
    found = [best]
    for unit in units:
        if unit.source.document_id in {each.source.document_id for each in found}:
            continue
        if _is_same(best, unit) and _figures(best) != _figures(unit):
            found.append(unit)
    if len(found) == 1 and (other := _in_other_edition(best, ranked)):
        found.append(other)
    return found[:MAX_SHOWN] if len(found) > 1 else []


def _in_other_edition(best: Unit, ranked: Sequence[Unit]) -> Unit | None:
    """Return the best answer of another edition, if it is nearly as good and has other figures."""
    for unit in ranked:
        if unit.source.document_id != best.source.document_id and _is_edition(best, unit):
            less = best.score - unit.score
            is_good = less <= MAX_LESS or (less <= MAX_LESS_IF_READ and (unit.logit or 0.0) > 0)
            differs = _figures(unit) and _figures(best) and not set(_figures(unit)) & set(_figures(best))
            is_alike = unit.kind == best.kind and not unit.table
            return unit if is_good and differs and is_alike else None
    return None


def has_editions(units: Iterable[Unit]) -> bool:
    """Whether two documents of these units are editions of one."""
    titles = dict.fromkeys((unit.source.document_id, unit.source.document_title) for unit in units)
    plain = [words for _document, title in titles if (words := _without_edition(title))]
    return len(set(plain)) < len(plain)


def _is_edition(one: Unit, other: Unit) -> bool:
    """Whether the titles of both documents are the same but for years."""
    first, second = (_without_edition(unit.source.document_title) for unit in (one, other))
    return first == second != ()


def _without_edition(title: str) -> tuple[str, ...]:
    return tuple(EDITION.sub(" ", title.lower()).split())


def differing_answer(units: Sequence[Unit], asked: Asked) -> Extract:
    """Return what each document says, under its name, the newest first."""
    years = _years(units)
    newest_first = sorted(units, key=lambda unit: years[unit.source.document_id], reverse=True)
    lead = _("Two documents differ:") if len(units) == 2 else _("Several documents differ:")
    found = Extract([parts.Text(lead)])
    for unit in newest_first:
        answer = answer_of(unit, asked, alone=True)
        if unit is not newest_first[0]:
            answer = replace(answer, parts=[_shortened(part, newest_first[0]) for part in answer.parts])
        found += Extract([parts.Heading(unit.source.document_title)]) + answer
    return found


def _shortened(part: parts.Part, newer: Unit) -> parts.Part:
    """Return a quote from shortly before the first word in which it differs from the newer one."""
    if not isinstance(part, parts.Quote):
        return part
    words, other = part.text.split(), newer.text.split()
    same = next((at for at, (one, two) in enumerate(zip(words, other, strict=False)) if one != two), 0)
    first = same - WORDS_BEFORE
    return part if first < WORDS_BEFORE else replace(part, text="… " + " ".join(words[first:]))


def same_elsewhere(best: Unit, units: Sequence[Unit]) -> list[Unit]:
    """Return units of other documents that say the same with the same figures."""
    return [
        unit
        for unit in units
        if unit.source.document_id != best.source.document_id
        and _is_same(best, unit)
        and _figures(best) == _figures(unit)
    ]


def newest(units: Sequence[Unit]) -> Unit:
    """Return the unit of the newest document."""
    years = _years(units)
    return max(units, key=lambda unit: (years[unit.source.document_id], unit.score))


def _is_same(one: Unit, other: Unit) -> bool:
    if one.kind != other.kind or one.table:
        return False
    first, second = _words(one), _words(other)
    return len(first) >= MIN_WORDS and len(first & second) >= MIN_SAME * len(first | second)


def _words(unit: Unit) -> frozenset[str]:
    return frozenset(word for word in unit.words if not word[0].isdigit() and not NUMBER.fullmatch(word))


def _figures(unit: Unit) -> tuple[str, ...]:
    """The figures of a unit in order, small numbers in words too."""
    words = content_words(unit.text)
    return tuple(word for word in words if word[0].isdigit() or word in NUMBERS or NUMBER.fullmatch(word))


def _years(units: Sequence[Unit]) -> dict[int, tuple[str, str]]:
    """The year of each document's edition: in its title, else its own date; then when it was added."""
    documents = Document.objects.filter(pk__in={unit.source.document_id for unit in units})
    return {document.pk: _edition(document) for document in documents}


def _edition(document: Document) -> tuple[str, str]:
    years = YEAR.findall(f"{document.title} {document.serving.file_name if document.serving else ''}")
    metadata = document.serving.metadata if document.serving else {}
    created = "".join(re.findall(r"\d+", str(metadata.get("creationdate", ""))))[:14]
    return max(years, default=created[:4]), created or document.created_at.strftime("%Y%m%d%H%M%S")
