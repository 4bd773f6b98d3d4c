"""What a question asks for: its words with their weights, the form of the answer, and whether it wants a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from qa.answering.quoting.forms import (
    DATE,
    FULL_DATE,
    GERMAN,
    KIND_OF,
    MAY_LIST,
    MIN_NAMES,
    NAME,
    NEGATES,
    NUMBER,
    PERSON,
    STEPS,
    WHO,
    Pattern,
    form_of,
    joined_verb,
    wants_list,
    without_asking,
)
from qa.retrieval.frequencies import Frequencies, words_of
from qa.retrieval.stop_words import STOP_WORDS, WORD, content_words, stem

_LIGHT = """
    happen happens mean means get gets got give gives given go goes know like long make many may might much must need
    needs often old say says tell thing things use used uses using want there number list name names exactly allowed
    possible called per take takes took taken money
"""
LIGHT_WORDS = frozenset(map(stem, _LIGHT.split()))  # words of asking, which a document rarely repeats
LIGHT_WEIGHT = 0.35
UNKNOWN_WEIGHT = 0.6  # of a word that no document has: they may say it in another
OLD_WEIGHT = 0.4  # of a word that only the question before has
# "salary" in "What is the salary of ...", "parking spaces" in "How many parking spaces ...", "rooms" in "Which rooms ...".
_NOUN = r"((?:[\w-]+['’]s )?[\w-]+(?: [\w-]+)??(?: of [\w-]+)?)(?=\W|$)"
_ARTICLE = "(?:the|a|an|my|our|your|der|die|das|le|la|les)"
HEAD = re.compile(
    r"(?:\bhow (?:many|much)|\b(?:what|welche[rs]?|wie viele?|quel(?:le)?s?) (?:is|are|was|were|ist|sind|est|sont)"
    rf"(?: {_ARTICLE})?)\s+(?!\w+ed\b){_NOUN}|\bwhat (?:does|do|did) (?:{_ARTICLE} )?([^\W\d_]+)(?= of\b)",
    re.IGNORECASE,
)
LISTED = re.compile(
    rf"(?:^(?:list|name)(?: all)?(?: {_ARTICLE})?|\b(?:which|what|welche[rs]?|quel(?:le)?s?)(?: (?:are|were))?(?: {_ARTICLE})?)\s+{_NOUN}",
    re.IGNORECASE,
)


# Of "how many", without an adjective before it: "parking spaces".
COUNTED = re.compile(
    r"\bhow many (?:(?:of )?(?:the|my|our|your|these|such|other|new|full) )?([^\W\d_]+)", re.IGNORECASE
)
WORDS_BETWEEN = 3  # the number and what is counted: "sixteen full working hours"
# "someone who isn't a member", "people who are not members", "non-members"
NEGATED = re.compile(
    r"\b(?:not|isn['’]t|aren['’]t|is no|are no|am no) an? ([^\W\d_]+)"
    r"|\b(?:who|that|which) (?:are not|aren['’]t) ([^\W\d_]+s)\b|\bnon-?([^\W\d_]{4,})|\bkeine? ([A-ZÄÖÜ]\w+)",
    re.IGNORECASE,
)


@dataclass
class Asked:
    """A question, prepared for comparing."""

    text: str
    weights: dict[str, float] = field(default_factory=dict)  # of each stem
    spelled: dict[str, str] = field(default_factory=dict)  # the word of each stem
    names: frozenset[str] = frozenset()  # stems of the names in it
    old: frozenset[str] = frozenset()  # stems that only the question before has
    head: frozenset[str] = frozenset()  # stems of what the question asks for: "salary", "parking spaces"
    listed: frozenset[str] = frozenset()  # stems of the things that it wants listed
    counted: str = ""  # the stem of the things of which it asks how many
    negated: frozenset[str] = frozenset()  # stems of what those it asks for are not: "who are not members"
    form: Sequence[Pattern] = ()
    is_english: bool = True
    wants_list: bool = False
    may_want_list: bool = False  # a list answers it as well as a sentence: "What must not ...?"
    wants_names: bool = False  # of several persons
    wants_steps: bool = False
    answered: str = ""  # the answer to the question before, which is not given once more

    @property
    def total(self) -> float:
        return sum(self.weights.values())

    def is_answered_in_form(self, text: str) -> bool:
        """Whether the text has what the question word asks for: a number, a date, a name, several names."""
        if self.wants_names:
            return len(NAME.findall(text)) >= MIN_NAMES
        if PERSON in self.form:
            text = DATE.sub("", text)  # months are capitalised too
        elif NUMBER in self.form:
            text = FULL_DATE.sub("", text)
            if self.counted and (said := _numbers_of(self.counted, text)):
                return any(said)
        return any(pattern.search(text) for pattern in self.form)

    def is_of_others(self, unit_words: frozenset[str], text: str, before: frozenset[str]) -> float:
        """Return 1 for words about those who are not what the question negates, -0.5 for words about the others, else 0."""
        if not self.negated & (unit_words | before):
            return 0.0
        return 1.0 if NEGATES.search(text) else -0.5 * bool(self.negated & unit_words)


def understand(question: str, frequencies: Frequencies, before: str = "") -> Asked:
    """Prepare a question. The words of the question `before`, which it refers to, count less."""
    question = joined_verb(question)
    weights, spelled = _weights(question, frequencies)
    old, old_spelled = _weights(before, frequencies)
    old = {word: OLD_WEIGHT * weight for word, weight in old.items() if word not in weights}
    is_list, form = wants_list(question), form_of(question) or form_of(before)
    return Asked(
        f"{before} {question}".strip(),
        {**weights, **old},
        {**old_spelled, **spelled},
        names=_names(question) | _names(before),
        old=frozenset(old),
        # A number is of something; a time or a date is in the text without the word.
        listed=_words_of(LISTED, question) if is_list else frozenset(),
        head=_words_of(HEAD, question) if tuple(form) in ((), (NUMBER,)) else frozenset(),
        counted=_counted(question) if tuple(form) == (NUMBER,) else "",
        negated=_negated(question),
        form=form,
        is_english=frequencies.is_english,
        wants_list=is_list,
        may_want_list=not form and bool(MAY_LIST.search(question)),
        wants_names=is_list and bool(WHO.search(question)),
        wants_steps=bool(STEPS.search(question)),
    )


def _weights(question: str, frequencies: Frequencies) -> tuple[dict[str, float], dict[str, str]]:
    """Return the weight and the spelling of each stem of a question, without stop words."""
    weights: dict[str, float] = {}
    spelled: dict[str, str] = {}
    for word in words_of(without_asking(KIND_OF.sub(" ", question))):
        if word in frequencies.stop_words:
            continue
        root = stem(word)
        factor = (
            LIGHT_WEIGHT if root in LIGHT_WORDS else UNKNOWN_WEIGHT if frequencies.is_unknown(word) else 1.0
        )
        weights[root] = max(weights.get(root, 0.0), factor * frequencies.weight(word))
        spelled.setdefault(root, word)
    return weights, spelled


def _names(question: str) -> frozenset[str]:
    """Return the stems of capitalised words inside the question; none where many words are, or in German."""
    words = WORD.findall(question)[1:]
    if GERMAN.search(question):
        return frozenset()  # all nouns are capitalised
    capitals = [word for word in words if word[0].isupper() and not _is_no_name(word)]
    if 2 * len(capitals) > len(words):
        return frozenset()
    return frozenset(stem(word.lower()) for word in capitals)


def _counted(question: str) -> str:
    """Return the stem of the noun after "how many"."""
    found = COUNTED.search(question)
    return stem(found[1].lower()) if found else ""


def _numbers_of(counted: str, text: str) -> list[bool]:
    """Return, for each place at which the text has the noun, whether a number stands shortly before it."""
    words = WORD.findall(text)
    places = [at for at, word in enumerate(words) if stem(word.lower()) == counted]
    return [any(NUMBER.search(word) for word in words[max(0, at - WORDS_BETWEEN) : at]) for at in places]


def _negated(question: str) -> frozenset[str]:
    found = [word for match in NEGATED.finditer(question) for word in match.groups() if word]
    return frozenset(stem(word.lower()) for word in found)


def _is_no_name(word: str) -> bool:
    return word.lower() in STOP_WORDS or DATE.fullmatch(word) is not None


def _words_of(pattern: Pattern, question: str) -> frozenset[str]:
    """Return the stems of the noun that the pattern finds in a question."""
    match = pattern.search(KIND_OF.sub(" ", question))
    return (
        frozenset(content_words(next(filter(None, match.groups())))) - LIGHT_WORDS if match else frozenset()
    )
