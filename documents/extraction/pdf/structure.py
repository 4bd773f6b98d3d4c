"""Reads the structure of a PDF: labels, metadata, filled form fields, attachments, bookmarks, how much text a page has."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from documents.extraction.limits import MAX_PAGES

Message = dict[str, Any]

MAX_FIELDS = 1_000  # filled ones
MAX_WIDGETS = 20_000
MAX_ATTACHMENTS = 100
MAX_OUTLINE_ENTRIES = 2_000
MAX_OUTLINE_DEPTH = 8
# In the content of a page; brackets within a string may be nested once.
STRING = re.compile(
    rb"(\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*+\))*+\)|<[0-9A-Fa-f\s]*+>)",
    re.DOTALL,
)
ESCAPED = re.compile(rb"\\(?:[0-7]{1,3}|.)", re.DOTALL)
TWO_BYTES = ("/Identity-H", "/Identity-V")
METADATA = ("/Title", "/Author", "/Subject", "/Keywords", "/Creator", "/Producer", "/CreationDate")


def guarded(read: Callable[[], Any], default: Any) -> Any:
    """Call `read`, and return the default if it raises, since any part of a file may be broken alone."""
    try:
        return read()
    except Exception:
        return default


def structure(reader: Any, document: Any, page_count: int) -> Message:
    """What pypdf's `reader` and PDFium's `document` know beyond the text. Either may be None."""
    found: Message = {}
    if reader:
        found["declared"] = guarded(lambda: int(reader.root_object["/Pages"]["/Count"]), 0)
        found["labels"] = guarded(lambda: _labels(reader), [])
        found["metadata"] = guarded(lambda: _metadata(reader), {})
        found["fields"] = guarded(lambda: _fields(reader), [])
        found["attachments"] = guarded(lambda: _attachments(reader), [])
    outline = _outline_by_pdfium if document else _outline_by_pypdf
    found["outline"] = guarded(lambda: list(outline(document or reader, page_count)), [])
    return found


def count_pages(reader: Any, counted_by_pdfium: int) -> int:
    """The number of pages. Trusts the page tree if it counts as many as PDFium, since a walk parses every page."""
    counted = guarded(lambda: _pages_under(reader.root_object["/Pages"], set()), 0)
    return counted_by_pdfium if counted and counted == counted_by_pdfium else len(reader.pages)


def _pages_under(node: Any, seen: set[int]) -> int:
    """The pages under a node of the page tree, by the counts of the lowest nodes."""
    if id(node) in seen:
        raise ValueError("The page tree has a cycle.")
    seen.add(id(node))
    if "/Kids" not in node:
        return 1
    kids = node["/Kids"]
    are_pages = all("/Kids" not in kid.get_object() for kid in (*kids[:1], *kids[-1:]))
    if are_pages and node["/Count"] == len(kids):
        return len(kids)
    return sum(_pages_under(kid.get_object(), seen) for kid in kids)


def _labels(reader: Any) -> list[str]:
    """The labels of the pages, if they are not just numbers."""
    if "/PageLabels" not in reader.root_object:
        return []
    return [str(label)[:40] for label in reader.page_labels][:MAX_PAGES]


def _metadata(reader: Any) -> dict[str, str]:
    information = reader.metadata or {}
    return {
        name[1:].lower(): str(information[name])[:500].strip()
        for name in METADATA
        if isinstance(information.get(name), str) and str(information[name]).strip()
    }


def _attachments(reader: Any) -> list[str]:
    names = []
    for attachment in reader.attachment_list:
        names.append(str(attachment.name)[:200])
        if len(names) == MAX_ATTACHMENTS:
            break
    return names


def _fields(reader: Any) -> list[list[Any]]:
    """Name, value and page of every filled form field."""
    fields = reader.get_fields() or {}
    widgets = _widget_pages(reader) if fields else {}
    found = []
    for name, field in fields.items():
        if text := _value_of(field):
            found.append([str(name)[:200], text[:5_000], widgets.get(str(name), 0)])
        if len(found) == MAX_FIELDS:
            break
    return found


def _value_of(field: Any) -> str:
    value, kind = field.get("/V") or "", field.get("/FT")
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value).strip()
    if kind == "/Btn":
        return "" if text in ("/Off", "") else text.lstrip("/")
    return "" if kind == "/Sig" else text


def _widget_pages(reader: Any) -> dict[str, int]:
    pages: dict[str, int] = {}
    for index, page in enumerate(reader.pages):
        for reference in page.get("/Annots", None) or ():
            widget = reference.get_object()
            if isinstance(widget, dict) and widget.get("/Subtype") == "/Widget":
                pages.setdefault(_qualified_name(widget), index)
        if len(pages) > MAX_WIDGETS:
            break
    return pages


def _qualified_name(widget: Any) -> str:
    names: list[str] = []
    for _ in range(20):
        if "/T" in widget:
            names.insert(0, str(widget["/T"]))
        if "/Parent" not in widget:
            break
        widget = widget["/Parent"].get_object()
    return ".".join(names)


def _outline_by_pdfium(document: Any, page_count: int) -> Iterator[list[Any]]:
    """Level, title and page index of each bookmark with a destination."""
    for number, entry in enumerate(document.get_toc(max_depth=MAX_OUTLINE_DEPTH)):
        if number == MAX_OUTLINE_ENTRIES:
            return
        destination = guarded(entry.get_dest, None)
        index = guarded(destination.get_index, None) if destination else None
        title = str(guarded(entry.get_title, "") or "").strip()[:300]
        if title and index is not None and 0 <= index < page_count:
            yield [entry.level + 1, title, index]


def _outline_by_pypdf(reader: Any, _page_count: int) -> list[list[Any]]:
    return _bookmarks(reader, reader.outline, 0)


def _bookmarks(reader: Any, entries: Any, level: int) -> list[list[Any]]:
    found: list[list[Any]] = []
    for entry in entries:
        if isinstance(entry, list):
            if level < MAX_OUTLINE_DEPTH:
                found += _bookmarks(reader, entry, level + 1)
            continue
        index = guarded(lambda entry=entry: reader.get_destination_page_number(entry), None)  # type: ignore[misc]
        if index is not None and index >= 0 and str(entry.title).strip():
            found.append([level + 1, str(entry.title).strip()[:300], index])
    return found[:MAX_OUTLINE_ENTRIES]


def max_text_length(page: Any) -> float:
    """Most characters that a page of pypdf may have, ligatures counted as one. Infinite if its content does not tell."""
    objects, fonts = (_resources(page, kind) for kind in ("/XObject", "/Font"))
    if any(item.get("/Subtype") != "/Image" for item in objects):
        return math.inf
    contents = page.get_contents()
    parts = STRING.split(contents.get_data()) if contents is not None else [b""]
    if any(b"(" in between or b")" in between for between in parts[::2]):
        return math.inf  # nested deeper, or an image among the text
    length = sum(_max_length(string) for string in parts[1::2])
    has_two_bytes = bool(fonts) and all(font.get("/Encoding") in TWO_BYTES for font in fonts)
    return length / 2 if has_two_bytes else length


def _resources(page: Any, kind: str) -> list[Any]:
    resources = page["/Resources"] if "/Resources" in page else {}  # noqa: SIM401 - get() does not resolve references
    return [item.get_object() for item in resources[kind].values()] if kind in resources else []


def _max_length(string: bytes) -> int:
    return (len(string) - 1) // 2 if string[:1] == b"<" else len(ESCAPED.sub(b".", string)) - 2
