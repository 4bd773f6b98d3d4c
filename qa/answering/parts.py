"""The parts of an answer that no model wrote: what the page draws, and the plain text of it for copies and export."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Text:
    """A sentence of the product itself."""

    text: str


@dataclass(frozen=True)
class Heading:
    """A small label above the parts that follow, such as the name of a document."""

    text: str


@dataclass(frozen=True)
class Quote:
    """Words of a source, without markup."""

    number: int
    text: str


@dataclass(frozen=True)
class Items:
    """A list of a source, with the words that introduce it."""

    number: int
    lead: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of a source's table, each as long as the header; the header may be empty."""

    number: int
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class DocumentEntry:
    """A document of a list; `number` is 0 without a source."""

    document_id: int
    title: str
    text: str = ""
    number: int = 0


@dataclass(frozen=True)
class Documents:
    """A list of documents."""

    entries: tuple[DocumentEntry, ...]


@dataclass(frozen=True)
class Pair:
    """What two documents say on the same thing."""

    one: Quote
    other: Quote


@dataclass(frozen=True)
class Pairs:
    """Two documents side by side, by their titles."""

    titles: tuple[str, str]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Ask:
    """Questions to ask next; no part of the answer's text."""

    questions: tuple[str, ...]


Part = Text | Heading | Quote | Items | Table | Documents | Pairs | Ask
CLASSES: dict[str, type] = {
    part.__name__.lower(): part for part in (Text, Heading, Quote, Items, Table, Documents, Pairs, Ask)
}


def to_json(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Return the parts for `Question.parts`."""
    return [{"part": type(part).__name__.lower(), **asdict(part)} for part in parts]


def from_json(values: Iterable[dict[str, Any]]) -> list[Part]:
    """Return the parts of a saved answer; a part of an unknown kind is left out."""
    return [_part(dict(value)) for value in values if value.get("part") in CLASSES]


def _part(value: dict[str, Any]) -> Part:
    part = CLASSES[value["part"]]
    known = {field.name: value[field.name] for field in fields(part) if field.name in value}
    if part is Documents:
        known["entries"] = [DocumentEntry(**entry) for entry in known["entries"]]
    if part is Pairs:
        known["pairs"] = [Pair(Quote(**pair["one"]), Quote(**pair["other"])) for pair in known["pairs"]]
    made: Part = part(**{name: _frozen(content) for name, content in known.items()})
    return made


def _frozen(content: Any) -> Any:
    """Return lists as tuples, inside too: JSON has lists only."""
    return tuple(_frozen(each) for each in content) if isinstance(content, list | tuple) else content


def plain_text(parts: Sequence[Part]) -> str:
    """Return the answer's text: a paragraph for each part, with the number of its source."""
    text = ""
    for part in parts:
        if isinstance(part, Ask):
            continue
        text += _plain(part) + ("\n" if isinstance(part, Heading) else "\n\n")
    return text.strip()


def _plain(part: Part) -> str:
    if isinstance(part, Text):
        return part.text
    if isinstance(part, Heading):
        return f"{part.text}:"
    if isinstance(part, Quote):
        return f"“{part.text}” [{part.number}]"
    if isinstance(part, Items):
        return "\n".join([f"{part.lead} [{part.number}]".strip(), *(f"• {item}" for item in part.items)])
    if isinstance(part, Table):
        return _plain_table(part)
    if isinstance(part, Pairs):
        return "\n\n".join(_plain_pair(part.titles, pair) for pair in part.pairs)
    if isinstance(part, Documents):
        return "\n".join(_plain_entry(entry) for entry in part.entries)
    return ""


def _plain_table(table: Table) -> str:
    rows = [_plain_row(table.header, row) for row in table.rows]
    if len(rows) == 1:
        return (
            f"{table.caption}: {rows[0]} [{table.number}]" if table.caption else f"{rows[0]} [{table.number}]"
        )
    return "\n".join([f"{table.caption} [{table.number}]".strip(), *rows])


def _plain_row(header: Sequence[str], row: Sequence[str]) -> str:
    """Return a row as readable words: "Branch: Castle Hill; Energy: 126,700"."""
    names = [*header, *[""] * (len(row) - len(header))]
    return "; ".join(
        f"{name}: {cell}" if name else cell for name, cell in zip(names, row, strict=False) if cell
    )


def _plain_pair(titles: Sequence[str], pair: Pair) -> str:
    sides = zip(titles, (pair.one, pair.other), strict=True)
    return "\n".join(f"{title}: {_plain(quote)}" for title, quote in sides)


def _plain_entry(entry: DocumentEntry) -> str:
    text = f"{entry.title}: {entry.text}" if entry.text else entry.title
    return f"{text} [{entry.number}]" if entry.number else text
