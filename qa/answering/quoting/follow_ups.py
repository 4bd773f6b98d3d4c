"""Follow-ups without a model: the part that is replaced, or the question before as the context of the new one."""

from __future__ import annotations

import re

from qa.retrieval.stop_words import WORD, content_words

MIN_WORDS = 2  # below this, a follow-up depends on the question before
REFERRING_WORDS = frozenset(
    """it its they them their theirs this that these those he him his she her hers there then one ones former latter
    same""".split()  # noqa: SIM905
)
# Where "it" and "there" stand for nothing: "does it rain", "is it allowed", "are there lockers", "what day is it".
EXPLETIVE = re.compile(
    r"\bit\s+(?:rains?|snows?|hails?|freez\w*|thaws?|takes?|took|costs?\s+to|happens?|matters?|gets?\s+(?:dark|light|cold|warm))\b"
    r"|\b(?:is|was|be)\s+it\s+(?:\w+\s+)?(?:possible|allowed|permitted|forbidden|necessary|needed|required|compulsory|mandatory|"
    r"legal|safe|worth|enough|likely|true|ok|okay|fine|important|better|best)\b"
    r"|\b(?:time|day|date)\s+is\s+it\b"
    r"|\b(?:is|are|was|were|be|been)\s+there\b|\bthere\s+(?:is|are|was|were|be|been|has|have|will)\b"
    r"|\bthose\s+(?:who|whose|that|which|with|without|in|under|over|from)\b",
    re.IGNORECASE,
)
CONTINUES = re.compile(
    r"^\s*(?:and|or|but|what about|how about|und|oder|was ist mit|et)\b[,:]?\s*", re.IGNORECASE
)
PREPOSITION = re.compile(
    r"^(?P<word>for|in|at|on|of|with|by|from|to|für|in|im|am|bei|pour)\s+(?P<rest>.+?)[?.!\s]*$",
    re.IGNORECASE,
)
ARTICLE = r"(?:(?:the|a|an|my|our|your|der|die|das|den|dem|les?|la)\s+)?"
NAMES = re.compile(r"[A-ZÄÖÜ][\w’'-]*(?:\s+[A-ZÄÖÜ][\w’'-]*)*")
ASKS = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can|may|must|should|will)\b",
    re.IGNORECASE,
)


def depends(question: str) -> bool:
    """Whether a question cannot be understood without the one before: it refers back, or has few words."""
    return (
        CONTINUES.match(question) is not None or _refers(question) or len(content_words(question)) < MIN_WORDS
    )


def can_stand_alone(question: str) -> bool:
    """Whether a question that seems to refer back says enough to be asked alone where the one before does not help."""
    return len(content_words(question)) > MIN_WORDS


def _refers(question: str) -> bool:
    words = [word.lower() for word in WORD.findall(EXPLETIVE.sub(" ", question))]
    return any(
        word in REFERRING_WORDS and not (word == "that" and before and content_words(before))
        for before, word in zip(["", *words], words, strict=False)
    )


def replaced(question: str, before: str) -> str:
    """Return the question before with the part that the follow-up replaces, "" if it replaces none.

    "And for students?" after "What does a membership for adults cost?" asks what one for students costs.
    """
    start = CONTINUES.match(question)
    if start is None:
        return ""
    rest = question[start.end() :].strip().rstrip("?!. ")
    if not rest or _asks_anew(rest) or not REFERRING_WORDS.isdisjoint(rest.lower().split()):
        return ""
    return _with_phrase(rest, before) or _with_name(rest, before)


def _asks_anew(rest: str) -> bool:
    """Whether it is a question of its own; "for those who are away" is a part of one."""
    phrase = PREPOSITION.match(rest)
    return bool(ASKS.match(phrase["rest"]) if phrase else ASKS.search(rest))


def _with_phrase(rest: str, before: str) -> str:
    """Replace what follows the same preposition."""
    phrase = PREPOSITION.match(rest)
    if phrase is None:
        return ""
    same = re.compile(
        rf"\b{re.escape(phrase['word'])}\s+{ARTICLE}(?:{NAMES.pattern}|[\w'’-]+)",
        re.IGNORECASE if not NAMES.match(phrase["rest"]) else 0,
    )
    found = list(same.finditer(before))
    return before[: found[-1].start()] + rest + before[found[-1].end() :] if found else ""


def _with_name(rest: str, before: str) -> str:
    """Replace a name by a name: the one that shares a word with it, or the only one."""
    name = NAMES.fullmatch(re.sub(rf"^{ARTICLE}", "", rest, flags=re.IGNORECASE))
    if name is None:
        return ""
    names = [match for match in NAMES.finditer(before) if match.start() > 0]
    shared = [match for match in names if set(match[0].split()) & set(name[0].split())]
    chosen = shared or names
    if len(chosen) != 1:
        return ""
    return before[: chosen[0].start()] + name[0] + before[chosen[0].end() :]
