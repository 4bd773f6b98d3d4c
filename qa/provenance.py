"""Marks answers that a model wrote for machines: an attribute of each, and JSON-LD on their page (EU AI Act, Art. 50)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from qa.models import Question

# IPTC's term for the output of a generative model, and the value of schema.org's property of the same name.
BY_A_MODEL = "https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
# As json_script of Django does, so that no value ends the element.
ESCAPES = {ord(sign): f"\\u{ord(sign):04X}" for sign in "<>&"}


def digital_source_type() -> str:
    """Return the term for an answer that a model wrote."""
    return BY_A_MODEL


def json_ld(questions: Iterable[Question]) -> SafeString:
    """Return JSON-LD, safe within a script element, of the written answers that their page shows; nothing if there are none."""
    written = [
        _described(question)
        for question in questions
        if question.is_written and not question.is_running and not question.is_withheld
    ]
    if not written:
        return SafeString()
    text = json.dumps({"@context": "https://schema.org", "@graph": written}, ensure_ascii=False)
    return mark_safe(text.translate(ESCAPES))  # noqa: S308


def _described(question: Question) -> dict[str, Any]:
    described: dict[str, Any] = {
        "@type": "Answer",
        "@id": f"#answer-{question.pk}",
        "digitalSourceType": BY_A_MODEL,
        "dateCreated": (question.finished_at or question.created_at).isoformat(),
    }
    if question.model:
        described["creator"] = {"@type": "SoftwareApplication", "name": question.model}
        if question.host:
            described["creator"]["provider"] = {"@type": "Organization", "name": question.host}
    return described
