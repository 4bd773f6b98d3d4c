"""Greetings, thanks, and questions about what can be asked here."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from qa.answering.parts import Text
from qa.answering.routes.reading import RoutedAnswer
from qa.models.question import AnswerWay

HELLO = re.compile(
    r"(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|hallo|moin|servus|grüß gott|guten (?:tag|morgen|abend)|"
    r"bonjour|bonsoir|salut|hola|buen[oa]s(?: (?:días|dias|tardes|noches))?|ciao|ola|olá|hej)"
    r"(?:[ ,]+(?:there|all|everyone|everybody|again|ragsite|you|team|friend|dear|how are you(?: doing)?(?: today)?|nice to meet you))*",
    re.IGNORECASE,
)
THANKS = re.compile(
    r"(?:(?:ok|okay|great|perfect|good|super|nice|cool|thanks|thank you|many thanks|thx|cheers|danke(?: schön| sehr)?|vielen dank|merci(?: beaucoup)?|(?:muchas )?gracias|bye|goodbye|see you|tschüss|au revoir|adiós)"
    r"(?:[ ,!]+(?:so much|very much|a lot|again|for your help|everyone))*[ ,!.]*)+",
    re.IGNORECASE,
)
HELP = re.compile(
    r"(?:help|hilfe|aide|ayuda)(?: me)?|i need (?:some )?help|introduce yourself|(?:can|could) you help(?: me)?|how (?:can|could|do|does) (?:you|it|this|ragsite) help(?: me)?|"
    r"(?:(?:what|which)(?: (?:kinds?|sorts?|types?) of)? (?:help|questions?|things?|tasks?) (?:can|could|do|will) you|what (?:can|could|do) you) (?:help (?:me |us )?(?:with|out)|answer|offer|give|do|handle|know|tell me|understand)(?: here| for me| best)?|"
    r"how (?:do|does|can) (?:you|this|it|ragsite) (?:answer|find|help|work|know)(?: (?:my |the )?(?:questions?|answers?|things?|out|here|this|that))*|what(?:'s| is) (?:your|the) (?:purpose|job|task|role|name)(?: here| of this(?: site| tool| app| page)?)?|"
    r"(?:what|how|who) (?:you|this|it|ragsite) (?:(?:can|are|is|do|does|works?|for|able|to|here|me)\b ?)+|what is it (?:that )?you do|where (?:do|should|can) i (?:start|begin)|"
    r"(?:what|which|what else|how)(?: exactly| else| all)?(?: kinds? of| sorts? of| types? of)?(?: (?:questions?|things?))?(?: (?:can|could|do|should|may|am|are|is))? (?:i|you|ragsite|it|this(?: (?:site|tool|app|page|thing|program))?)"
    r"(?: (?:able|allowed))?(?: to)?(?: (?:do|ask|use|work|begin|start|here|for|me|you|with|of|about|this|it|ragsite|questions?|site|tool|app|capable|good|at))*|"
    r"how (?:do|does|can|should) (?:i|you|we|this|it|ragsite)(?: (?:use|work|start|begin|ask|questions?|a question|this|here|site|tool|app|ragsite))+|"
    r"(?:who|what) (?:are|is) (?:you|ragsite)|are you (?:an? )?(?:ai|robot|bot|human|machine|person|model|assistant|real)(?: .{0,20})?|what is this(?: (?:site|tool|app|page|program|thing))?(?: for)?|"
    r"was (?:kannst du|können sie|kann ich)(?: (?:alles|hier|tun|fragen|machen|mich|dich))*|wer (?:bist du|sind sie)|was (?:machst|tust|machen|tun) (?:du|sie)(?: hier)?|(?:wobei|womit|wie) (?:kannst du|können sie) (?:mir |uns )?helfen|wo(?:für|zu) (?:bist du|sind sie|dient das|ist das)(?: da| gut)?|wie (?:funktioniert|geht) das|que peux-tu faire|que pouvez-vous faire|qui (?:es-tu|êtes-vous)|à quoi (?:sers-tu|servez-vous|ça sert)|(?:en|con) qué (?:me )?puedes ayudar(?:me)?|qué puedes hacer|quién eres",
    re.IGNORECASE,
)
# What people say before such a question.
ASIDE = re.compile(
    r"^(?:(?:so|and|ok|okay|well|now|please|bitte)\b,? |(?:(?:can|could|would) you )?(?:please )?(?:tell me|explain(?: to me)?|show me) (?=what|how|who))+",
    re.IGNORECASE,
)


def greet(question: str, *, has_history: bool) -> RoutedAnswer | None:
    """Return an answer to a greeting, to thanks or to a request for help; None for a question."""
    text = " ".join(question.replace("’", "'").split()).strip(" .!?¿¡:)(")
    text = ASIDE.sub("", text, count=1)
    if HELLO.fullmatch(text):
        return _said(_("Hello! Ask a question about your documents, in your own words."))
    if THANKS.fullmatch(text):
        return _said(_("You are welcome. Ask on, if there is anything else in your documents."))
    # After an answer, "How does it work?" is about what was answered.
    refers_back = has_history and re.search(r"\b(?:it|this|that|i)\b", text, re.IGNORECASE)
    if HELP.fullmatch(text) and not refers_back:
        return _said(
            _("I answer questions from your documents and show the page that each answer comes from."),
            _(
                "Ask for a fact, a figure or a list; ask what a document is about or what it says on a subject;"
                " compare two documents; or ask which documents there are."
            ),
        )
    return None


def _said(*sentences: str) -> RoutedAnswer:
    said = [Text(sentence) for sentence in sentences]
    return RoutedAnswer(AnswerWay.GREETING, [*said], next_questions=[_("Which documents do you have?")])
