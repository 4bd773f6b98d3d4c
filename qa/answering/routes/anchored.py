"""What a question asks of the documents that it names, told by the words around their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qa.answering.routes.library import Library, is_close
from qa.answering.routes.library.dates import YEAR
from qa.answering.routes.library.editions import WORDS as EDITION_WORDS
from qa.answering.routes.library.library import MIN_FUZZY_LENGTH
from qa.answering.routes.library.mentions import Mention, mentions, names_edition
from qa.answering.routes.requests import PERIOD, SHORT, Kind, Request, content, plain

_SAYS = """
    say says said saying tell tells told state states stated write writes wrote written explain explains mention mentions
    mentioned report reports reported decide decides decided provide provides regulate regulates think thinks thought
    discuss discussed propose proposes proposed stipulate stipulates sagt sagen steht schreibt dit disent dice dicen
"""
_FRAME = """
    lay lays laid down have has hold holds happens stand stands read reads according position there anything something
    between get got go matter concerning regarding each both two same exactly actually anywhere find
    since edition editions i'd like
    many much long what's how's where's who's
"""
_SUMMARY = """
    summarise summarize summary sum up overview outline gist recap synopsis abstract digest main key central important
    essential essence highlights takeaways conclusion conclusions result results point points message messages idea ideas content contents contain contains cover covers covered describe
    deal deals treat treats talk talks discuss subject subjects topic topics theme themes about short brief briefly quick shortly words
    sentences nutshell give show tell explain find learn know need want purpose inside look happen
    zusammenfassung fasse zusammen resumen résumé
"""
_PARTS = """
    section sections chapter chapters part parts paragraph paragraphs passage passages article articles item items page
    bit heading abschnitt kapitel chapitre capítulo sección
"""
_MADE = """
    wrote written write writes author authors writer writers drafted draft compiled compile put together prepared prepare
    made make created create sent send signed sign issued published edited edit responsible maintains behind work works
    composed produced name person people whose stem stems from sender collected authored drew drawn
"""
_DATED = """
    written write issued issue published publish adopted adopt approved approve passed pass agreed agree accepted accept
    signed sign sent send dated date dates made make created create released release printed print valid updated update
    changed change revised revise edited edit amended drawn up prepared prepare put together force effect effective apply
    applies applied come came into take taken decided finished completed compiled compile version edition old recent last
    latest since hold holds held appear appeared written day year month current time start started enter entered
"""
SAYS, FRAME, SUMMARY, PARTS, MADE, DATED = (
    frozenset(words.split()) for words in (_SAYS, _FRAME, _SUMMARY, _PARTS, _MADE, _DATED)
)
APPROVED = frozenset(["approved", "adopted", "passed", "agreed", "accepted", "authorised", "authorized"])
COMES = frozenset({"come", "comes", "came"})  # from somebody: "who came" asks for those present
SAID = SAYS | PARTS | {"anything", "something"}
ABOUT = SAYS | SUMMARY | PARTS | FRAME
WHO = re.compile(r"^(?:who|whose|whom|by whom|from whom|wer|von wem|qui|quién)\b", re.IGNORECASE)
WHEN = re.compile(
    r"^(?:(?:since|from|as of|until|by) when|when|how (?:old|recent|new|up to date)|what (?:date|day|year)|which (?:date|day|year|version|edition)|"
    r"what(?:'s| is) the (?:date|version)|wann|seit wann|ab wann|quand|cuándo)\b",
    re.IGNORECASE,
)
RESPONSIBLE = re.compile(r"\b(?:responsible|in charge|maintains?|accountable|looks? after)\b", re.IGNORECASE)
TIME = re.compile(rf"\b(?:in|at|of|from|on)\s+{PERIOD}", re.IGNORECASE)
# "What's new in the rules", "how do A and B differ"
DIFFERS = re.compile(
    r"\b(?:differ\w*|compar\w*|contrast\w*|chang\w+|what(?:'s| is| was) new|versus|vs|unterschied\w*|unterscheid\w*|différence\w*|diferencia\w*)\b",
    re.IGNORECASE,
)
NEWS = re.compile(r"what(?:'s| is| was)? new\b", re.IGNORECASE)
SUMMARISE = re.compile(
    r"(?:(?:give|show|write)(?: me)? )?(?:an? |the )?(?:short |brief |quick )*(?:summar|sum up|outline|overview|gist|recap|tell me|describe|explain|zusammenfass|fasse|résum|resum)",
    re.IGNORECASE,
)
ASKS_WHAT = re.compile(
    r"(?:what|which (?:topics|subjects|themes|points|things)|how|give|show|was|worum|wovon|de quoi|que|qué|de qué)\b",
    re.IGNORECASE,
)
JOINS = re.compile(
    r"^,?\s*(?:(?:and|or|with|to|from|than|versus|vs\.?|against|und|oder|et|ou|y)\b\s*)?(?:(?:what|how|again|then)\s+)*(?:(?:according to|compared (?:to|with)|in|on|of|by|for)\s+)*(?:the\s+)?$",
    re.IGNORECASE,
)
# "according to the handbook of 2023, and to that of 2025"
AGAIN = re.compile(
    r",?\s*(?:and|or|und|et|y)\s+(?:(?:according )?(?:to|in|of|by)\s+)?(?:(?:that|the one|the edition)\s+)?(?:of |from |in )?(?P<time>(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
CLAUSES = re.compile(r"[,;]?\s+(?:and|but|while|whereas|und|et|y)\s+", re.IGNORECASE)
EXCHANGE = re.compile(
    r"what (?:do|did|does|have|has) (?P<people>.+?) (?:write|written|writing|correspond|exchange|mail)\w* (?:(?:to|with) )?(?:each other|one another)\b",
    re.IGNORECASE,
)
TOPIC = re.compile(
    r"\b(?:about|on|regarding|concerning|as to|with regard to|über|zu|sur|sobre)\s+(?P<topic>.+)$",
    re.IGNORECASE,
)


def anchored(question: str, library: Library) -> Request | None:
    """Return what the question asks of the documents that it names; None if it names none, or asks for a fact."""
    text = SHORT.sub("", plain(question)).strip(" ,;:.?!")
    if exchange := EXCHANGE.match(text):
        people = [word for word in content(exchange["people"]) if library.knows(word)]
        return Request(Kind.OVERVIEW, " ".join(["mail", *people]))
    if clauses := _of_two_times(text):
        return clauses
    found = _before_topic(text, mentions(text, library))
    if not found:
        return None
    rest = _without(text, found)
    if pair := _joined(text, found):
        return _comparison(pair, rest)
    return _of_one(text, found[0], rest) if len(found) == 1 else None


def _of_two_times(text: str) -> Request | None:
    """What was said "in February and in March": a comparison of two documents that are named by their times."""
    for found in CLAUSES.finditer(text):
        left, right = text[: found.start()], text[found.end() :]
        if TIME.search(left) and TIME.search(right) and SAYS & set(left.lower().split()):
            topic = TOPIC.search(left)
            about = TIME.sub("", topic["topic"] if topic else left)
            return Request(Kind.COMPARISON, f"{left} and {right}", _topic(about, SAYS | FRAME))
    return None


def _before_topic(text: str, found: list[Mention]) -> list[Mention]:
    """Leave out what stands after "about", once a document was named: it is a topic."""
    if not found:
        return []
    topic = TOPIC.search(text, found[0].end)
    is_said = topic and (SAYS | SUMMARY | PARTS) & set(content(text[: topic.start()]) + text.lower().split())
    return [each for each in found if not topic or not is_said or each.start < topic.start()]


def _without(text: str, found: Sequence[Mention]) -> str:
    for mention in reversed(found):
        text = f"{text[: mention.start]} {text[mention.end :]}"
    return " ".join(text.split())


def _joined(text: str, found: Sequence[Mention]) -> str:
    """The words for the last two documents named, if the question puts them side by side; "" if it does not."""
    last = found[-1]
    if again := AGAIN.match(text, last.end):
        return f"{last.words} and {again['time']}"
    if len(found) < 2:
        return ""
    one = found[-2]
    is_joined = JOINS.match(text[one.end : last.start]) or (len(found) == 2 and DIFFERS.search(text))
    return f"{one.words} and {last.words}" if is_joined else ""


def _comparison(subject: str, rest: str) -> Request:
    topic = TOPIC.search(rest)
    if topic and SAYS & set(rest[: topic.start()].lower().split()):
        return Request(Kind.COMPARISON, subject, topic["topic"])
    plain_rest = YEAR.sub("", DIFFERS.sub("", rest))
    return Request(Kind.COMPARISON, subject, _topic(plain_rest, ABOUT | {"new"}))


def _of_one(text: str, mention: Mention, rest: str) -> Request | None:
    name = mention.words
    if WHO.match(text):
        return _who(name, rest)
    if WHEN.match(text):
        return None if _topic(rest, DATED) else Request(Kind.DATE, name, verb=rest)
    if NEWS.match(text) or (DIFFERS.search(rest) and (len(mention.found) > 1 or names_edition(name))):
        return _comparison(name, rest)
    topic = TOPIC.search(rest)
    asked = rest[: topic.start()] if topic else rest
    is_said = bool(SAID & set(rest.lower().split())) or SUMMARISE.match(text) is not None
    if not _topic(rest, ABOUT) and not (topic and is_said):
        return Request(Kind.OVERVIEW, name) if _asks_what(text, rest) else None
    is_framed = topic is not None and ASKS_WHAT.match(text) and not _topic(asked, ABOUT | EDITION_WORDS)
    about = topic["topic"] if topic else _topic(rest, ABOUT)
    return Request(Kind.SECTION, name, about) if is_said or is_framed else None


def _who(name: str, rest: str) -> Request | None:
    if RESPONSIBLE.search(rest):
        return None if _topic(rest, MADE) else Request(Kind.RESPONSIBLE, name)
    if approved := APPROVED & set(rest.lower().split()):
        return None if _topic(rest, MADE | APPROVED) else Request(Kind.AUTHOR, name, verb=min(approved))
    is_made = MADE & set(rest.lower().split()) or re.search(r"\b(?:by|from|von)$", rest)
    return Request(Kind.AUTHOR, name) if is_made and not _topic(rest, MADE | COMES) else None


def _asks_what(text: str, rest: str) -> bool:
    """Whether it asks for an overview in more than the document's name."""
    is_noun = re.match(r"(?:an?|the|i)\b", text, re.IGNORECASE) and SUMMARY & set(rest.lower().split())
    return bool(ASKS_WHAT.match(text) or SUMMARISE.match(text) or is_noun) and bool(rest)


def _topic(rest: str, frame: frozenset[str]) -> str:
    """The words that are neither the form of the question, however misspelt, nor stop words."""
    return " ".join(word for word in content(rest) if not _is_in(word, frame))


def _is_in(word: str, frame: frozenset[str]) -> bool:
    return word in frame or (len(word) >= MIN_FUZZY_LENGTH and any(is_close(word, other) for other in frame))
