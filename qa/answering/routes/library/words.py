"""The nouns by which people call documents, and words that call none."""

from __future__ import annotations

# Words that say nothing about which document is meant.
_GENERIC = """
    document documents file files text called named titled our edition copy one exchange correspondence thread conversation
    two both whole entire full short long
    mr mrs ms dr sir herr frau madame monsieur señor señora
"""
GENERIC = frozenset(_GENERIC.split())
PRESENTATION, SPREADSHEET, MAIL_KIND, LETTER, WEB, CSV, WORD_FILE, PDF = KINDS = [
    frozenset(words.split())
    for words in (
        "presentation slides slide deck powerpoint slideshow präsentation folien présentation presentación",
        "spreadsheet sheet excel workbook tabelle tableur",
        "mail email mails emails message courriel correo",
        "letter brief lettre carta",
        "page web website webpage webseite site",
        "csv spreadsheet list",
        "word",
        "pdf",
    )
]
SYNONYMS = [
    frozenset(words.split())
    for words in (
        "handbook manual guide handbuch manuel guía leitfaden",
        "minutes protocol protokoll meeting acta sitzung",
        "leaflet flyer brochure faltblatt prospekt pamphlet",
        "report bericht rapport informe",
        "policy guideline guidelines rules regulations code statutes bylaws richtlinie politique",
        "faq questions answers",
        "contacts directory addresses phonebook",
        "offer quote quotation estimate angebot",
        "prices price fees rates tariff tariffs costs preise list",
        "contract agreement vertrag contrat contrato",
        "budget haushalt presupuesto",
        "invoice bill rechnung facture factura",
        "letter brief lettre carta invitation",
        "newsletter bulletin rundbrief",
        "plan schedule timetable",
    )
]
NOUNS: frozenset[str] = frozenset().union(*KINDS, *SYNONYMS)
ADJECTIVES = [
    frozenset(words.split())
    for words in ("annual yearly jährlich annuel anual", "monthly monatlich mensuel mensual")
]
