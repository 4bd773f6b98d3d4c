"""A conversation as data and as Markdown, with sources and with the mark of what a model wrote (EU AI Act, Art. 50)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from django.utils.translation import gettext as _

from qa.answering.history import grouped_by_original
from qa.choices import Choice, mark_asked_of
from qa.models import Citation, Conversation, Question
from qa.models.question import mark_withheld
from qa.provenance import BY_A_MODEL
from qa.sentences import page_name

# At the start of a line these would be taken for Markdown; words of documents are no markup.
BLOCK_SIGN = re.compile(r"^(\s*)(#{1,6}\s|[-+*]\s|>|\d+[.)]\s|```|~~~|\|)", re.M)


def as_json(conversation: Conversation) -> dict[str, Any]:
    """Questions in order with their newest answers and cited sources, as JSON values; withheld answers are left out."""
    user = conversation.user
    groups = grouped_by_original(conversation.questions.prefetch_related("citations__document"))
    newest = [rows[-1] for rows in groups]
    mark_withheld(newest, user)
    mark_asked_of(newest, user)
    readable = set(
        Citation.objects.filter(question__in=newest).readable_by(user).values_list("pk", flat=True)
    )
    exported: dict[str, Any] = {
        "title": str(conversation),
        "started": conversation.created_at.isoformat(),
        "questions": [_answered(question, readable) for question in newest],
    }
    if any(question.is_written and not question.is_withheld for question in newest):
        exported["digitalSourceType"] = BY_A_MODEL
    return exported


def _answered(question: Question, readable: set[int]) -> dict[str, Any]:
    exported: dict[str, Any] = {
        "question": question.text,
        "asked": question.created_at.isoformat(),
        "asked_of": _asked_of(cast("Choice", question.asked_of)),
        "state": question.state,
        "answer": "" if question.is_withheld else question.answer,
        "withheld": question.is_withheld,
        "sources": [_source(row) for row in question.citations.all() if row.is_cited and row.pk in readable],
    }
    if question.is_written and not question.is_withheld:
        exported |= {"digitalSourceType": BY_A_MODEL, "model": question.model, "host": question.host}
    return exported


def _asked_of(choice: Choice) -> dict[str, Any] | None:
    """The names of what was chosen and how much of it is gone; nothing for all documents."""
    if choice.scope.is_everything:
        return None
    collections = [str(collection) for collection in choice.collections]
    documents = [str(document) for document in choice.documents]
    return {"collections": collections, "documents": documents, "left_out": choice.missing}


def _source(row: Citation) -> dict[str, Any]:
    return {
        "number": row.number,
        "document": row.document_title,
        "place": page_name(row),
        "quote": row.quote or row.excerpt,
    }


def as_markdown(exported: dict[str, Any]) -> str:
    """The exported conversation as a Markdown file; its front matter names the source type."""
    lines = ["---", f"title: {_yaml(exported['title'])}", f"date: {exported['started']}"]
    if "digitalSourceType" in exported:
        lines.append(f"digital_source_type: {exported['digitalSourceType']}")
    lines += ["---", "", f"# {_one_line(exported['title'])}", ""]
    for answered in exported["questions"]:
        lines += _lines_of(answered)
    return "\n".join(lines).rstrip() + "\n"


def _lines_of(answered: dict[str, Any]) -> Iterable[str]:
    is_written = "digitalSourceType" in answered
    yield from (f"## {_one_line(answered['question'])}", "")
    if chosen := answered["asked_of"]:
        names = ", ".join(map(_one_line, [*chosen["collections"], *chosen["documents"]])) or _("nothing")
        yield from (_("Asked of: %(names)s") % {"names": names}, "")
    if answered["withheld"]:
        yield from (_("This answer uses a document that you can no longer open."), "")
    elif answered["answer"]:
        yield from (answered["answer"] if is_written else _as_plain(answered["answer"]), "")
    if is_written:
        written = _("Written by %(model)s at %(host)s") % answered
        yield from (f"*{written}*", "")
    yield from _source_lines(answered["sources"])


def _source_lines(sources: list[dict[str, Any]]) -> Iterator[str]:
    for source in sources:
        quote = " ".join(source["quote"].split())
        yield f"- [{source['number']}] {_one_line(source['document'])}, {source['place']}: “{quote}”"
    if sources:
        yield ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _as_plain(text: str) -> str:
    return BLOCK_SIGN.sub(r"\1\\\2", text)


def _yaml(text: str) -> str:
    """A double-quoted scalar."""
    return '"' + _one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
