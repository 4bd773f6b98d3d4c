"""Renders the parts of an answer without a model as HTML. Text of documents is always escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from qa.answering.parts import (
    DocumentEntry,
    Documents,
    Heading,
    Items,
    Pair,
    Pairs,
    Part,
    Quote,
    Table,
    Text,
)
from qa.citation_links import cite_link
from qa.models import Citation

Rows = Mapping[int, Citation]


def render_parts(parts: Iterable[Part], rows: Rows) -> SafeString:
    """Return the parts in order, with links from their numbers to the citations."""
    return format_html_join("", "{}", ((_html(part, rows),) for part in parts))


def _html(part: Part, rows: Rows) -> SafeString:
    if isinstance(part, Text):
        return format_html('<p dir="auto">{}</p>', part.text)
    if isinstance(part, Heading):
        return format_html('<h3 dir="auto" class="part-heading">{}</h3>', part.text)
    if isinstance(part, Quote):
        link = cite_link(part.number, rows)
        return format_html('<blockquote dir="auto"><p>“{}” {}</p></blockquote>', part.text, link)
    if isinstance(part, Items):
        return _items(part, rows)
    if isinstance(part, Table):
        return _table(part, rows)
    if isinstance(part, Pairs):
        return _pairs(part, rows)
    if isinstance(part, Documents):
        return _documents(part, rows)
    return SafeString()  # what to ask next is drawn below the answer


def _items(part: Items, rows: Rows) -> SafeString:
    items = format_html_join("", "<li>{}</li>", ((item,) for item in part.items))
    lead = format_html('<p dir="auto">{} {}</p>', part.lead, cite_link(part.number, rows))
    return format_html('<blockquote class="part-items">{}<ul dir="auto">{}</ul></blockquote>', lead, items)


def _table(table: Table, rows: Rows) -> SafeString:
    """A table in a scrolling box; the first cell of each row is its header."""
    head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in table.header))
    body = format_html_join("", "<tr>{}</tr>", ((_row(row),) for row in table.rows))
    return format_html(
        '<div class="part-table" role="group" tabindex="0" aria-label="{}">'
        '<table dir="auto"><caption>{} {}</caption>{}<tbody>{}</tbody></table></div>',
        table.caption or _("Table"),
        table.caption or (row.document_title if (row := rows.get(table.number)) else ""),
        cite_link(table.number, rows),
        format_html("<thead><tr>{}</tr></thead>", head) if table.header else "",
        body,
    )


def _row(cells: tuple[str, ...]) -> SafeString:
    first = format_html('<th scope="row">{}</th>', cells[0]) if cells else SafeString()
    return format_html("{}{}", first, format_html_join("", "<td>{}</td>", ((cell,) for cell in cells[1:])))


def _pairs(part: Pairs, rows: Rows) -> SafeString:
    """Two columns; on a phone each pair is stacked, and every cell has its document's title."""
    head = format_html_join("", '<th scope="col">{}</th>', ((title,) for title in part.titles))
    body = format_html_join("", "<tr>{}</tr>", ((_pair(part.titles, pair, rows),) for pair in part.pairs))
    return format_html(
        '<table class="part-pairs"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body
    )


def _pair(titles: tuple[str, str], pair: Pair, rows: Rows) -> SafeString:
    sides = zip(titles, (pair.one, pair.other), strict=True)
    cells = ((title, quote.text, cite_link(quote.number, rows)) for title, quote in sides)
    return format_html_join(
        "",
        '<td><span class="pair-title" aria-hidden="true">{}</span>“<span dir="auto">{}</span>” {}</td>',
        cells,
    )


def _documents(part: Documents, rows: Rows) -> SafeString:
    entries = format_html_join("", "<li>{}</li>", ((_entry(entry, rows),) for entry in part.entries))
    return format_html('<ul class="part-documents">{}</ul>', entries)


def _entry(entry: DocumentEntry, rows: Rows) -> SafeString:
    """The title as a link, and below it the line about the document with the number of its source."""
    link = cite_link(entry.number, rows) if entry.number else ""
    return format_html(
        '<a href="{}" dir="auto">{}</a> {}',
        reverse("documents:document", args=[entry.document_id]),
        entry.title,
        format_html('<span dir="auto">{} {}</span>', entry.text, link) if entry.text else link,
    )
