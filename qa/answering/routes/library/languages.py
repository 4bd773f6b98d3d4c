"""Guesses the language of a text by its commonest small words."""

from __future__ import annotations

import re
from functools import lru_cache

# Words that are frequent in one of these languages and rare in the others.
FREQUENT = {
    "english": "the and of to is in that for with are this be on as by from we you have it will not",
    "german": "der die das und ist nicht mit für auf den dem ein eine wir sie von zu im werden wird auch bei oder",
    "french": "le la les et est des une du pour dans que nous vous avec sur pas par qui sont au aux",
    "spanish": "el los las y es una para con que por del se su nosotros está como más son al lo",
    "italian": "il gli di e è una per con che del della sono non nel alla come più i lo dei",
    "portuguese": "o os as e é uma para com que não do da em um por dos das são ao mais",
    "dutch": "de het een en van is dat niet met voor op zijn wij aan te ook door bij uit naar",
    "polish": "i w na z do jest nie się to że od dla przez oraz są jako po ale o",
    "danish": "og det er til på af en den ikke med for der vi som har et fra kan skal",
    "swedish": "och att det är på som för av en ett med inte vi den till har om från kan ska",
    "turkish": "ve bir bu için ile da de olarak olan daha çok en gibi kadar sonra veya",
    "czech": "a v na je se že pro do z s to jako o jsou nebo od by který po ve",
}
SCRIPTS = {
    "russian": r"[а-яё]",
    "ukrainian": r"[іїєґ]",
    "arabic": r"[\u0600-\u06ff]",
    "hebrew": r"[\u0590-\u05ff]",
    "greek": r"[α-ωά-ώ]",
    "chinese": r"[\u4e00-\u9fff]",
    "japanese": r"[\u3040-\u30ff]",
    "korean": r"[\uac00-\ud7af]",
    "hindi": r"[\u0900-\u097f]",
    "thai": r"[\u0e00-\u0e7f]",
}
# How people call a language, also in the other languages.
NAMES = {
    "english": "english englisch englische englischer anglais inglés",
    "german": "german deutsch deutsche deutscher deutschen allemand alemán",
    "french": "french französisch französische français francés",
    "spanish": "spanish spanisch spanische espagnol español",
    "italian": "italian italienisch italienische italien italiano",
    "portuguese": "portuguese portugiesisch portugais portugués",
    "dutch": "dutch niederländisch néerlandais holandés",
    "polish": "polish polnisch polonais polaco",
    "danish": "danish dänisch danois danés",
    "swedish": "swedish schwedisch suédois sueco",
    "turkish": "turkish türkisch turc turco",
    "czech": "czech tschechisch tchèque checo",
    **{name: name for name in SCRIPTS},
}
SMALL_WORDS = {name: frozenset(words.split()) for name, words in FREQUENT.items()}
CALLED = {word: name for name, words in NAMES.items() for word in words.split()}
MIN_SHARE = 0.12  # of all words
MIN_WORDS = 6


@lru_cache(maxsize=1_000)
def language_of(text: str) -> str:
    """Return the English name of a text's language in lower case, or "" for tables and short texts."""
    lowered = text.lower()
    letters = len(re.findall(r"[^\W\d_]", lowered)) or 1
    written = {name: len(re.findall(letter, lowered)) / letters for name, letter in SCRIPTS.items()}
    if written["ukrainian"] > 0.02:
        return "ukrainian"
    if written["japanese"] > 0.1:
        return "japanese"
    script = max(written, key=lambda name: written[name])
    if written[script] > 0.3:
        return script
    words = re.findall(r"[^\W\d_]+", lowered)
    shares = {
        name: sum(word in small for word in words) / (len(words) or 1) for name, small in SMALL_WORDS.items()
    }
    best = max(shares, key=lambda name: shares[name])
    return best if len(words) >= MIN_WORDS and shares[best] >= MIN_SHARE else ""
