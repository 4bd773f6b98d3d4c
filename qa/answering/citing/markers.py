"""Markers, the references of an answer to its sources, such as [1]: found, and brought into one form."""

from __future__ import annotations

import re
from collections.abc import Collection

MARKER = re.compile(r"\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)\](?!\()")
# How models write references although the prompt asks for [1]: [Source 1], 【1†source】, ［1］, [^1], [1, page 3], (source 1).
_WORD = "sources?|passages?|documents?|docs?|references?|refs?|citations?|cites?|quellen?|fuentes?|fonti?|bron|src|id|来源|资料|文档|出典|資料"
_NUMBERS = rf"\d{{1,4}}(?:\s*(?:[,;&、，；]|and|und|et|y|[-\u2010-\u2015])\s*(?:(?:{_WORD})\s*)?\d{{1,4}})*"
_OTHER = re.compile(
    rf"(?:\\?\[\[?|[【［〔⟦])\s*[#^]?(?:(?:{_WORD}|s)[._\s-]*[:#№]?\s*(?:no\.?\s*)?)?({_NUMBERS})(?::\d{{1,3}}(?=[†‡]))?(?:\s*[†‡|:,;，：]\s?(?!\d)[^\[\]【】］〕\n]{{0,80}})?\s*"
    rf"(?:\\?\]\]?|[】］〕⟧])(?!\()|\((?:{_WORD})\.?\s*[:#]?\s*({_NUMBERS})(?:\s*[,:;]\s?(?!\d)[^()\n]{{0,80}})?\)"
    rf"|<sup>\s*\[?({_NUMBERS})\]?\s*</sup>",
    re.IGNORECASE,
)
# A reference inside a Markdown link: [1](#source-1).
_LINKED = re.compile(
    rf"\[\[?[#^]?(?:(?:{_WORD})[._\s-]*[:#]?\s*)?({_NUMBERS})\]?\]\([^()\s]{{0,500}}\)", re.IGNORECASE
)
# These forms also occur in plain text (§ 5 (1), m²): they count as references only if the answer has no other.
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_BARE = re.compile(
    r"(?:(?<=[^\s\d_(])|(?<=[^\s\d_(] ))\((\d{1,2}(?:\s*[,;]\s*\d{1,2})*)\)(?=\s*(?:[.,;:!?\n]|$))"
    rf"|(?:(?<=[.!?,;:”\"’)])|(?<=[^\W\d_]{{4}}))([{_RAISED}]+(?:[\s,˒]+[{_RAISED}]+)*)"
)


def numbers_in(text: str) -> list[int]:
    """Return the cited numbers in order, each once."""
    found = (int(number) for marker in MARKER.finditer(text) for number in re.findall(r"\d+", marker[1]))
    return list(dict.fromkeys(found))


def plain_markers(answer: str, known: Collection[int]) -> str:
    """Return the answer with its references as [1] or [1, 2]; references to unknown sources stay as they are."""

    def as_marker(found: re.Match[str]) -> str:
        numbers = _listed(next(filter(None, found.groups())))
        return f"[{', '.join(map(str, numbers))}]" if numbers and set(numbers) <= set(known) else found[0]

    answer = _OTHER.sub(as_marker, _LINKED.sub(as_marker, answer))
    return answer if numbers_in(answer) else _BARE.sub(as_marker, answer)


def _listed(text: str) -> list[int]:
    """Return the numbers of a list such as "1, 3-5", with ranges expanded."""
    numbers: list[int] = []
    text = text.translate(str.maketrans(_RAISED, "0123456789"))
    for found in re.finditer(r"(\d+)(?:\s*[-\u2010-\u2015]\s*(\d+))?", text):
        first, last = int(found[1]), int(found[2] or found[1])
        numbers += range(first, min(last, first + 50) + 1) if first <= last else [first, last]
    return list(dict.fromkeys(numbers))
