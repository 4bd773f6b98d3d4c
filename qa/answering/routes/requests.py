"""What a question asks for besides a fact: told by its form, in English and the commonest German, French and Spanish."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from qa.retrieval.stop_words import STOP_WORDS, WORD


class Kind(StrEnum):
    GREETING = "greeting"
    DOCUMENTS = "documents"
    AUTHOR = "author"
    RESPONSIBLE = "responsible"
    DATE = "date"
    COMPARISON = "comparison"
    SECTION = "section"
    OVERVIEW = "overview"


@dataclass(frozen=True)
class Request:
    """One way to read a question. `subject` names documents, `topic` what is asked about them."""

    kind: Kind
    subject: str = ""
    topic: str = ""
    verb: str = ""


MAX_LENGTH = 300  # characters; longer questions are quoted for
SHORT = re.compile(
    r"[,;]?\s*\b(?:in short|in brief|briefly|shortly|in a nutshell|in (?:a few|two|three|one) (?:words?|sentences?)|kurz|in kürze|en bref|en resumen)\b",
    re.IGNORECASE,
)
POLITE = re.compile(
    r"^(?:(?:hi|hello|hey|hallo|please|bitte|kindly|so|and|ok|okay|well|now|just|then)\b[,!]?\s+"
    r"|(?:can|could|would|will) you (?:please )?|(?:kannst|können|könntest) (?:du|sie) (?:mir )?(?:bitte )?"
    r"|i(?:'d| would) like (?:you )?to (?:know )?|i (?:want|need) (?:you )?to (?:know )?|(?:do you know|tell me|show me|let me know|explain)(?=,? (?:what|who|when|how|which)),? "
    r"|give me (?=an?\b|the\b)|i (?:want|need) (?=an?\b))",
    re.IGNORECASE,
)
MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
PERIOD = rf"(?:(?:{MONTHS})(?: \d{{4}})?|(?:19|20)\d\d)"
SAYS = r"(?:says?|said|states?|writes?|wrote|tells? (?:us|me|you)|explains?|decides?|decided|reports?|has to say|have to say|mentions?|provides?|regulates?)"
ABOUT = r"(?:about|on|regarding|concerning|of|for|as to)"
PARTS = r"(?:sections?|chapters?|parts?|paragraphs?|articles?|agenda items?|slides?|sheets?|abschnitte?|kapitel|chapitre|capítulo|sección)"
SUMMARY = r"(?:summar(?:y|ies)|overview|outline|gist|abstract|recap|synopsis|(?:main|key|central|most important|essential) (?:points?|messages?|ideas?|contents?|facts?|things|topics?))"
MADE = (
    "written|issued|published|adopted|approved|passed|agreed|accepted|signed|sent|dated|made|created|released|printed|valid|"
    "updated|changed|revised|edited|amended|modified|drawn up|prepared|in force|in effect|effective|decided|finished|completed"
)

# In this order; the subject must then name a document, or the next form is tried.
FORMS: list[tuple[Kind, str]] = [
    (Kind.COMPARISON, r"(?:how|where|in what|in which way|in what way)s? (?:do|does|did|are|is) (?P<subject>.+?) (?:differ|different)(?: (?:from|to|than) (?P<other>.+?))?(?: (?:on|about|regarding|concerning|when it comes to) (?P<topic>.+))?"),
    (Kind.COMPARISON, r"(?:what(?:'s| is| are)? )?(?:the )?(?:main |key )?differences? (?:between|of|in) (?P<subject>.+?)(?: (?:on|about|regarding|concerning|when it comes to) (?P<topic>.+))?"),
    (Kind.COMPARISON, r"what (?:has |have |is |was |are )?(?:been )?(?:changed?|changes|new|different) (?:between|from|in|since|with) (?P<subject>.+)"),
    (Kind.COMPARISON, r"(?:how do(?:es)? )?(?:compare )?(?P<topic>.+?) (?:in|of|from|on|according to) (?P<subject>.+? (?:compared? )?(?:with|to|and) (?:those|that|the ones?|the same) (?:in|of|from|on) .+)"),
    (Kind.COMPARISON, r"(?:a )?compar(?:e|ison of|ing)(?: what)? (?P<subject>.+?)(?: (?:say|says))?(?: (?:on|about|regarding|concerning|in terms of) (?P<topic>.+))?"),
    (Kind.COMPARISON, rf"what (?:do|did|does) (?P<subject>.+? (?:and|or) .+?) {SAYS} {ABOUT} (?P<topic>.+)"),
    (Kind.COMPARISON, r"(?:was sind die |welche )?unterschiede? (?:gibt es )?zwischen (?P<subject>.+)|(?:vergleiche?|vergleich) (?P<other>.+)"),
    (Kind.COMPARISON, r"(?:worin|wie) unterscheiden sich (?P<subject>.+)"),
    (Kind.COMPARISON, r"(?:quelles? (?:est|sont) )?(?:la |les )?différences? entre (?P<subject>.+)|(?:compare[zr]?|compara) (?P<other>.+)"),
    (Kind.SECTION, rf"(?:summari[sz]e |sum up |what(?:'s| is) in |what does |(?:an? |the )?{SUMMARY} of )?(?:the |le |la |das |den )?{PARTS} (?:(?:on|about|called|titled|named|regarding|of|for|über|zu|zum|zur|sur|sobre) )?(?P<topic>.+?)(?: say)?"),
    (Kind.SECTION, rf"(?:summari[sz]e |sum up )?what (?:does |do |did )?(?P<subject>.+?) {SAYS} (?:about|on|regarding|concerning) (?P<topic>.+)"),
    (Kind.SECTION, r"(?:summari[sz]e |sum up )?what(?:'s| is| are| does it say)(?: said| written| stated)? (?:about|on) (?P<topic>.+?) in (?P<subject>.+)"),
    (Kind.SECTION, r"was (?:sagt|sagen|steht|schreibt|schreiben) (?:in |im )?(?P<subject>.+?) (?:über|zu|zum|zur) (?P<topic>.+)"),
    (Kind.SECTION, r"que dit (?P<subject>.+?) (?:sur|à propos de|au sujet de) (?P<topic>.+)|qué dice (?P<other>.+?) sobre (?P<theme>.+)"),
    (Kind.SECTION, rf"(?:what(?:'s| is| are) )?(?:give (?:me )?)?(?:an? |the )?(?:short |brief |quick )*{SUMMARY} (?:of|in|from|made in) (?P<subject>.+?) (?:on|about|regarding|concerning) (?P<topic>.+)"),
    (Kind.OVERVIEW, r"what(?:'s| is| are| was| were| do| does)? (?P<subject>.+?) (?:all )?(?:about|deal with|talk about)"),
    (Kind.OVERVIEW, rf"(?:what|which \w+) (?:does|do) (?P<subject>.+?) (?:say|cover|contain|describe|discuss|include|deal with|treat|{SAYS})"),
    (Kind.OVERVIEW, rf"(?:give (?:me )?)?(?:an? |the )?(?:short |brief |quick )*{SUMMARY} (?:of|in|from|on|for) (?P<subject>.+)"),
    (Kind.OVERVIEW, rf"what(?:'s| is| are) (?:the |an? )(?:short |brief )?{SUMMARY} (?:of|in|from|made in) (?P<subject>.+)"),
    (Kind.OVERVIEW, r"(?:summari[sz]e|sum up|outline|recap|describe|tl;?dr:?)(?: for me)? (?P<subject>.+)"),
    (Kind.OVERVIEW, r"what(?:'s| is) in (?P<subject>.+)|tell me (?:something |more )?about (?P<other>.+)"),
    (Kind.OVERVIEW, r"(?:worum geht es|um was geht es|worum geht's|wovon handelt) (?:in |im |bei |beim )?(?P<subject>.+)|was steht (?:in|im) (?P<other>.+)"),
    (Kind.OVERVIEW, r"fasse? (?P<subject>.+?) zusammen|(?:eine |die )?zusammenfassung (?:von|vom|des|der) (?P<other>.+)"),
    (Kind.OVERVIEW, r"(?:résume[zr]?|(?:un )?résumé d[eu]s?|de quoi (?:parle|traite)) (?P<subject>.+)|(?:resume|resumen de|de qué trata) (?P<other>.+)"),
    (Kind.AUTHOR, r"who(?:'s| is| was| are| were)? (?:the )?(?:authors?|writers?|senders?) of (?P<subject>.+)"),
    (Kind.AUTHOR, r"who (?:has |have )?(?:wrote|written|drafted|authored|prepared|compiled|created|made|sent|signed|issued|published|edited) (?:me |us )?(?P<subject>.+)"),
    (Kind.AUTHOR, r"(?:who|which \w+|what body) (?:has |have )?(?P<verb>approved|adopted|passed|agreed|accepted|decided on|authorised|authorized) (?P<subject>.+)"),
    (Kind.AUTHOR, r"(?:by whom|by which \w+) (?:is|was|were|are) (?P<subject>.+?) (?P<verb>approved|adopted|passed|agreed|accepted)"),
    (Kind.AUTHOR, r"wer hat (?P<subject>.+?) (?P<verb>verabschiedet|beschlossen|genehmigt)"),
    (Kind.AUTHOR, r"who (?:took|kept|wrote) the (?:minutes|notes|record) (?:of|at|in) (?P<subject>.+)"),
    (Kind.AUTHOR, r"(?:by|from) whom (?:is|was|were|are) (?P<subject>.+?)(?: written| sent| prepared| made)?|who (?:is|was) (?P<other>.+?) (?:written |sent |prepared |made )?(?:by|from)"),
    (Kind.AUTHOR, r"wer hat (?P<subject>.+?) (?:geschrieben|verfasst|geschickt|erstellt)|von wem (?:ist|stammt|kommt) (?P<other>.+)"),
    (Kind.AUTHOR, r"qui a (?:écrit|rédigé|envoyé) (?P<subject>.+)|quién (?:escribió|redactó|envió) (?P<other>.+)"),
    (Kind.RESPONSIBLE, r"who(?:'s| is) (?:responsible|in charge|accountable|answerable) (?:for|of) (?P<subject>.+)|who (?:maintains|looks after|owns) (?P<other>.+)"),
    (Kind.DATE, rf"when (?:was|were|is|has|have|had) (?P<subject>.+?) (?:been )?(?:last )?(?P<verb>{MADE})(?: by .+)?"),
    (Kind.DATE, r"when (?:did|does|do|will) (?P<subject>.+?) (?P<verb>apply|come into (?:force|effect)|take effect|enter into force|appear|come out|start to apply|begin to apply)"),
    (Kind.DATE, r"(?:since|from|as of) when (?:is|are|does|do|has|have) (?P<subject>.+?) (?:been )?(?P<verb>apply|applied|valid|hold|held|in force|in effect|effective|apply from)"),
    (Kind.DATE, r"(?:how old is|from when is|of what date is) (?P<subject>.+)"),
    (Kind.DATE, rf"(?:what(?:'s| is) )?the (?:(?P<verb>{MADE}|publication|adoption|issue|version|edition) )?(?:date|number) of (?P<subject>.+)"),
    (Kind.DATE, r"(?:what|which) (?P<verb>version|edition|date) (?:of )?(?:is |does |has |was )?(?P<subject>.+?)(?: have| carry| bear| do (?:i|we|you) have)?"),
    (Kind.DATE, r"wann (?:wurde|ist|war|wird) (?P<subject>.+?) (?P<verb>verabschiedet|beschlossen|veröffentlicht|geschrieben|verfasst|geschickt|erschienen|geändert|erstellt|gültig)"),
    (Kind.DATE, r"(?:von wann ist|seit wann gilt|ab wann gilt) (?P<subject>.+)|(?:quand a été (?:écrite?|publiée?|adoptée?)|cuándo se (?:escribió|publicó|aprobó)) (?P<other>.+)"),
]  # fmt: skip
COMPILED = [(kind, re.compile(form, re.IGNORECASE)) for kind, form in FORMS]


def readings(question: str) -> Iterator[Request]:
    """Yield what the question may ask for, the likeliest first; nothing if it asks for a fact."""
    text = plain(question)
    if not text or len(text) > MAX_LENGTH:
        return
    text = SHORT.sub("", text).strip(" ,;:.?!")
    for kind, form in COMPILED:
        if found := form.fullmatch(text):
            groups = {name: (value or "").strip(" ,") for name, value in found.groupdict().items()}
            subject = groups.get("subject") or ""
            if other := groups.get("other"):
                subject = f"{subject} and {other}" if subject else other
            topic = groups.get("topic") or groups.get("theme") or ""
            yield Request(kind, subject, topic, groups.get("verb", ""))


def plain(question: str) -> str:
    """Return the question in one line, without quotation marks, politeness and the marks at its end."""
    text = " ".join(re.sub(r"[\"“”„«»‘`]|’(?=\s|$)|(?<=\s)'", " ", question).replace("’", "'").split())
    text = text.strip(" .?!¿¡")
    while (shorter := POLITE.sub("", text, count=1)) != text and shorter:
        text = shorter
    return text.strip(" .?!,")


def content(text: str) -> list[str]:
    """Return the words of a text without stop words, in lower case."""
    words = (
        found.lower() for found in WORD.findall(text.replace("e-mail", "email").replace("E-mail", "email"))
    )
    return [word for word in words if word not in STOP_WORDS and (len(word) > 1 or word.isdecimal())]
