"""The words that stand for numbers, months and scales, as documents and models write them."""

from __future__ import annotations

_ENGLISH = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
"""
_GERMAN = """
    null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn
    achtzehn neunzehn zwanzig
"""
_TENS = {
    30: "thirty dreißig dreissig", 40: "forty vierzig", 50: "fifty fünfzig", 60: "sixty sechzig", 70: "seventy siebzig",
    80: "eighty achtzig", 90: "ninety neunzig", 100: "hundred hundert", 1000: "thousand tausend", 12: "dozen dutzend",
}  # fmt: skip
# Read in sources only: some of these are other words in an English answer.
_OTHERS = """
    zéro un deux trois quatre cinq six sept huit neuf dix onze douze
    cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce
    zero uno due tre quattro cinque sei sette otto nove dieci undici dodici
    nul een twee drie vier vijf zes zeven acht negen tien elf twaalf
"""
WORDS: dict[str, int] = {
    **{word: number for text in (_ENGLISH, _GERMAN) for number, word in enumerate(text.split())},
    **{word: number for number, words in _TENS.items() for word in words.split()},
    **{f"{ten}-{one}": number + value
       for number, ten in ((20, "twenty"), *((n, w.split()[0]) for n, w in _TENS.items() if 30 <= n < 100))
       for value, one in enumerate(_ENGLISH.split()[:10]) if value},
    **{f"{one}und{ten}": number + value
       for number, ten in ((20, "zwanzig"), *((n, w) for n, ws in _TENS.items() if 30 <= n < 100 for w in ws.split()[1:]))
       for value, one in enumerate(_GERMAN.split()[:10]) if value},
    "eine": 1, "einen": 1, "einer": 1,
}  # fmt: skip
FOREIGN_WORDS = {word: number % 13 for number, word in enumerate(_OTHERS.split())}

# As a share in percent, or as its denominator.
SHARES: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(["half", "hälfte", "halb", "moitié", "mitad", "metà"], (50, 2)),
    **dict.fromkeys(["third", "drittel", "tiers", "tercio", "terzo"], (33, 3)),
    **dict.fromkeys(["quarter", "viertel", "quart", "cuarto", "quarto"], (25, 4)),
    **dict.fromkeys(["fifth", "fünftel"], (20, 5)),
    **dict.fromkeys(["tenth", "zehntel"], (10,)),
}

# More than one value where languages or units disagree: "m" is a million or a metre.
SCALES: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(["thousand", "tausend", "tsd", "mille", "mil"], (1e3,)),
    **dict.fromkeys(["hundred", "hundert"], (1e2,)),
    **dict.fromkeys(["million", "millions", "millionen", "mio", "mill", "mn", "miljoen", "millón", "millones", "milioni", "milione"], (1e6,)),
    **dict.fromkeys(["milliarde", "milliarden", "mrd", "milliard", "milliards", "miljard", "miliardi", "bn"], (1e9,)),
    **dict.fromkeys(["billion", "billions", "billionen"], (1e9, 1e12)),
    **dict.fromkeys(["trillion", "trillions"], (1e12, 1e18)),
    "k": (1, 1e3), "m": (1, 1e6), "b": (1, 1e9), "万": (1e4,), "萬": (1e4,), "億": (1e8,), "亿": (1e8,),
}  # fmt: skip

_MONTHS = """
    january|jan|januar|jänner|janvier|enero|gennaio|januari february|feb|februar|februari|février|febrero|febbraio
    march|mar|märz|mrz|mars|marzo|maart april|apr|avril|abril|aprile may|mai|mayo|maggio|mei june|jun|juni|juin|junio|giugno
    july|jul|juli|juillet|julio|luglio august|aug|août|agosto|augustus september|sep|sept|septembre|septiembre|settembre
    october|oct|oktober|okt|octobre|octubre|ottobre november|nov|novembre|noviembre
    december|dec|dezember|dez|décembre|diciembre|dicembre
"""
MONTHS = {name: number for number, names in enumerate(_MONTHS.split(), 1) for name in names.split("|")}
