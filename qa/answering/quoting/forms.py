"""The forms of answers: what a question word asks for, and how a number, a date, a place, a name or a list looks."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBERS = """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million half quarter dozen once twice
    zwei drei vier fünf sechs sieben acht neun zehn zwölf deux trois quatre cinq sept huit neuf dix onze douze
"""
_MONTHS = """
    january february march april may june july august september october november december januar februar märz mai juni
    juli oktober dezember janvier février mars avril juin juillet août septembre octobre novembre décembre
"""
_DAYS = """
    monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonntag
    lundi mardi mercredi jeudi vendredi samedi dimanche
"""
Pattern = re.Pattern[str]


def _any(words: str) -> str:
    return "|".join(words.split())


NUMBER = re.compile(rf"\d|\b(?:{_any(_NUMBERS)})(?:s|th)?\b|%", re.IGNORECASE)
NUMBER_WORD = re.compile(rf"\d[\d.,:]*|\b(?:{_any(_NUMBERS)})\b", re.IGNORECASE)
TIME = re.compile(
    r"\b\d{1,2}[:.h]\d{2}\b|\b\d{1,2} ?(?:am|pm|a\.m\.|p\.m\.|Uhr|o['’]clock)|\b(?:noon|midnight|midday)\b|o['’]clock\b",
    re.IGNORECASE,
)
RANGE = re.compile(rf"(?:{TIME.pattern}).*(?:{TIME.pattern})", re.IGNORECASE)
DATE = re.compile(
    rf"\b(?:1[5-9]|20|21)\d\d\b|\b\d{{1,2}}\.\d{{1,2}}\.|\b(?:{_any(_MONTHS)}|{_any(_DAYS)})s?\b"
    r"|\b(?:today|tomorrow|yesterday|weekdays?|weekends?|century|spring|summer|autumn|winter|easter|christmas)\b",
    re.IGNORECASE,
)
DURATION = re.compile(
    r"\b(?:seconds|minute|hour|day|night|week|fortnight|month|quarter|year|term)s?\b(?! (?:ago|old)\b)|\b(?:until|till|bis)\b"
    r"|\b(?:minute|stunde|tag|woche|monat|jahr)(?:e?n?|s)\b",
    re.IGNORECASE,
)
# A date is no answer to "how many".
FULL_DATE = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th|\.)? (?:{_any(_MONTHS)})(?: \d{{4}})?\b|\b(?:{_any(_MONTHS)}) \d{{1,2}}\b|\b(?:19|20)\d\d\b",
    re.IGNORECASE,
)
# Two days or two times: when something begins and when it ends.
BOTH_ENDS = re.compile(
    rf"(?:{FULL_DATE.pattern}|{TIME.pattern}).+(?:{FULL_DATE.pattern}|{TIME.pattern})", re.IGNORECASE
)
LENGTH = re.compile(
    r"\d[\d.,]*\s?(?:metres?|meters?|m|cm|mm|km|kilomet(?:re|er)s?|miles?|feet|foot|ft|inch(?:es)?|pages?|words?|meter)\b",
    re.IGNORECASE,
)
AGE = re.compile(rf"(?:{NUMBER.pattern}).*\b(?:years?|old|age|jahren?|alt)\b|\bage\b", re.IGNORECASE)
FIGURE = re.compile(r"[-+−(]?[\s€$£¥]*\d[\d\s.,:/]*(?:%|€|\)|[kKmM])?")  # a cell that is a number alone
# With a leading 0 or +, or in groups: 487300 is a sum, 2025-03-18 a date.
PHONE = re.compile(
    r"(?<![\d,./:-])(?=(?:[ ()+/.-]*\d){6})(?!(?:19|20)\d\d-|\d\d?[./-]\d\d?[./-]\d)"
    r"(?:(?:\+|\(?0)\d[\d ()/.-]{3,}\d|\d{2,5}(?:[ /-]\d{2,5}){1,4}\b)"
)
EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.\w+")
STRICT = (PHONE, EMAIL)  # what lacks the form is no answer at all
PERSON = re.compile(r"(?<![.!?] )(?<!^)\b[A-ZÄÖÜ][\w’'-]+|\b(?:Mr|Mrs|Ms|Dr)\b")
NAME = re.compile(r"\b[A-ZÄÖÜ][\w’'-]+ (?:[a-z]{2,3} )?[A-ZÄÖÜ][\w’'-]+")
PLACE = re.compile(
    r"\b(?:in|at|to|on|into|from|opposite|behind|under|near|im|am|zum|zur|à|au) (?:(?:the|a|an|our|its|der|dem|den|die) )?"
    r"[A-ZÄÖÜ]\w+|\b(?:floor|street|room|building|cellar|basement|desk|counter|office|cupboard|shelf|door)\b"
)
REASON = re.compile(
    r"\b(?:because|since|so that|in order|due to|owing to|as a result|therefore|reason|to avoid|otherwise|weil|damit|wegen)\b",
    re.IGNORECASE,
)

# A sentence that begins so, within its first words, speaks of what the sentence before it names, or goes on from there.
REFERS = re.compile(
    r"^(?:then|after(?:wards| (?:that|this|it))|next|finally|otherwise|instead|(?:every|any)(?:one|body) else|(?:all )?(?:the )?others|danach|dann|ensuite|puis)\b|"
    r"^(?:(?:\w+,? ){0,3}?(?:it|they|them|he|she|this|these|those|both|its|their)|it['’]s|er|sie|es|diese[rs]?|il|elle|ils|elles)\b",
    re.IGNORECASE,
)


def _asks(pattern: str) -> Pattern:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


# In this order: the first that fits a question says what one of its answers must contain.
FORMS: Sequence[tuple[Pattern, Sequence[Pattern]]] = (
    (
        _asks(
            "(?:tele)?phone numbers?|(?:mobile|fax) numbers?|number (?:do|can|should|must) (?:i|we|you) (?:ring|call|dial)|telefonnummer"
        ),
        (PHONE,),
    ),
    (
        _asks(
            "e-?mail address(?:es)?|(?:which|what) address (?:do|can|should|must) (?:i|we|you) (?:e-?mail|write)|e-?mail-adresse"
        ),
        (EMAIL,),
    ),
    (
        _asks(
            "between (?:what|which)(?: hours| times| dates)?|from (?:when|what time)(?: (?:to|till|until)(?: when)?)?"
        ),
        (RANGE, DATE),
    ),
    (
        _asks(
            r"when (?:[\w'-]+ ){1,6}?(?:begin|start|open)s? and (?:when (?:[\w'-]+ ){1,3}?)?(?:end|stop|finish|close)s?"
            r"|wann (?:[\w'-]+ ){1,6}?und (?:wann (?:[\w'-]+ ){1,3}?)?endet"
        ),
        (BOTH_ENDS,),
    ),
    (_asks("(?:what|which) (?:time|hours?)|um wie viel uhr|wie spät|à quelle heure"), (TIME,)),
    (_asks("how old|wie alt"), (AGE,)),
    (_asks("how long|wie lange"), (DURATION, LENGTH)),
    (_asks("when|wann|quand|cuándo|(?:what|which) (?:date|day|year|month)"), (DATE, TIME, DURATION)),
    (
        _asks(
            "how (?:much|many|far|often|big|large|high|tall|fast|heavy|wide|deep)|number|percentage|amount|price|fee|costs?"
            "|wie (?:viele?|hoch|groß|oft|weit|teuer)|combien|cuánt[oa]s?"
        ),
        (NUMBER,),
    ),
    (_asks("who|whom|whose|wer|wem|wen|qui|quién"), (PERSON,)),
    (_asks("where|wo|wohin|woher|où|dónde|dove"), (PLACE,)),
    (_asks("why|warum|weshalb|pourquoi|por qué"), (REASON,)),
)
STEPS = _asks(
    "how (?:do|can|should|must|to|does one)|what (?:do|should|must) (?:i|we|you|one) do|wie (?:kann|muss|geht)"
)
LIST = re.compile(
    r"\b(?:which|welche) (?:\w+ ){0,2}?\w+(?:s|a|en)\b|\bwhat (?:kinds?|types?|sorts?|forms?) of\b|\bwhat \w+s\b|\bwhat has to be\b"
    r"|\bwho (?:(?:was|were|is|are|all) (?:there|present|invited|absent)|attended|attends|took part|takes part|came)\b"
    r"|\bwhat (?:are|were) (?:the|our|your|their|all)\b|^(?:list|name|enumerate|nenne)\b|\bwhich of\b|\bwho are\b",
    re.IGNORECASE,
)
# A question that a list answers as well as a sentence: "What must not be sent by mail?"
MAY_LIST = re.compile(
    r"^\W*what (?:do|can|could|should|must|may|shall|am|are|need|needs|have|has)\b", re.IGNORECASE
)
NOT_LIST = re.compile(r"\b(?:what|which) (?:does|was|is|has|happens|means|costs)\b(?! to be)", re.IGNORECASE)
# Of those who are not what was named before: "Everyone else pays ..."
NEGATES = _asks("else|others?|not|non|no|except|andere[rn]?|nicht|kein\\w*|autres?|otros")
WHO = _asks("who|wer|qui")
MIN_NAMES = 3  # of persons, in an answer that lists them
KIND_OF = re.compile(r"\b(?:kinds?|types?|sorts?|forms?) of\b", re.IGNORECASE)


GERMAN = re.compile(
    r"\b(?:wann|wer|wem|wen|woher|wohin|wie|warum|weshalb|welche[rsnm]?|der|das|ist|sind|und|gibt es)\b",
    re.IGNORECASE,
)
_VERB_PARTS = """
    ab an auf aus bei ein fest fort frei her hin los mit nach nieder statt teil um vor weg weiter wieder zu zurück zusammen
"""
# "Wann kommen die Gäste an?": what a document says of it is "ankommen".
SEPARATED = re.compile(
    rf"^(?P<asks>(?:wann|wer|was|wo|woher|wohin|wie|warum|weshalb|welche[rsnm]?)(?: \\w+)?? )(?P<verb>[a-zäöüß]{{3,}})(?P<rest> .+)"
    rf" (?P<part>{'|'.join(_VERB_PARTS.split())})(?P<end>[?.! ]*)$",
    re.IGNORECASE,
)


def without_asking(question: str) -> str:
    """Return the question without the words that ask for a form: "how long", "what time". "Costs" stays: it is content."""
    for asks, patterns in FORMS:
        if asks.search(question):
            return question if patterns[0] in (NUMBER, AGE, BOTH_ENDS) else asks.sub(" ", question)
    return question


def form_of(question: str) -> Sequence[Pattern]:
    """Return the patterns of which an answer contains one; none if the question asks for no form."""
    return next((patterns for asks, patterns in FORMS if asks.search(question)), ())


def wants_list(question: str) -> bool:
    """Whether the question asks for several things."""
    return bool(LIST.search(question)) and not NOT_LIST.search(question)


def joined_verb(question: str) -> str:
    """Return the question with the parts of such a verb as one word, "Wann ankommen die Gäste?"; or the same question."""
    found = SEPARATED.match(question)
    return (
        f"{found['asks']}{found['part']}{found['verb']}{found['rest']}{found['end']}" if found else question
    )
