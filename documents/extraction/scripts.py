"""Which encoding of other than Latin letters a text is in, by how usual its letters then are; a sentence is enough."""

from collections.abc import Iterable

# Small letters, the most frequent first; and the large ones, or signs.
CYRILLIC = ("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфіїєґёъўљњћђџјѕќѓ", "ОЕАИНТСРВЛКМДПУЯЫЬГЗБЧЙХЖШЮЦЩЭФІЇЄҐЁЪЎЉЊЋЂЏЈ")
GREEK = ("αοιετσνηυρπκμλςγδχωθφβξζψάόίέήύώϊϋΐΰ", "ΑΟΙΕΤΣΝΗΥΡΠΚΜΛΓΔΧΩΘΦΒΞΖΨΆΌΊΈΉΎΏ")
HEBREW = ("יוהלאתרמבשנעםדפקחטגכסצזןךףץ", "")
ARABIC = ("الينمرتوبدعةهسفحكقجشصطخضذزثأغءىظإآئؤچپژگ", "ًٌٍَُِّْ،؛؟ـ")
THAI = ("านรอกเง่มยลวดทส้ีตัปะิบคหแจพชใไืข์ธโุศูซผณถฉภฟ็ญำึ", "๐๑๒๓๔๕๖๗๘๙")
KANA = ("".join(map(chr, (*range(0x3041, 0x3094), *range(0x30A1, 0x30FD)))), "")
# The most frequent of their languages; the rest of the same script is as it may be.
SIMPLIFIED = "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长问样现给实间法民业用"
TRADITIONAL = "的一是不了人我在有他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她裡後小麼心多天而能好都然沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長問樣現給實間法民業"
HANGUL = "이다는을를의가에서한하고지로기사은도리어자인대시그나아해일부정보수라주과있전상원제구으면장성들게니요까여오조우만세유동안할신공국무비연실경문내계선관중소생용업치방화물결저개거후스트위분데적입합습했었것등월년모두"
PUNCTUATION = frozenset("、。，．！？：；（）「」『』《》【】・ー　“”‘’—…–«»№•·°§©®±")
ENCODINGS = {
    **dict.fromkeys(("cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866", "mac_cyrillic", "cp855"), CYRILLIC),
    **dict.fromkeys(("cp1253", "iso8859_7"), GREEK),
    "cp1255": HEBREW,
    **dict.fromkeys(("cp1256", "iso8859_6"), ARABIC),
    "cp874": THAI,
    **dict.fromkeys(("cp932", "euc_jp"), KANA),
    "gb18030": (SIMPLIFIED, ""),
    "big5": (TRADITIONAL, ""),
    "cp949": (HANGUL, ""),
}
WIDE = frozenset(("cp932", "euc_jp", "gb18030", "big5", "cp949"))
RANKS = {
    letters[0]: {letter: rank / len(letters[0]) for rank, letter in enumerate(letters[0])}
    for letters in ENCODINGS.values()
}
USUAL, POSSIBLE, STRANGE = 2.0, 0.3, -2.0
ENOUGH = 0.4  # of a letter's two points: less is a guess among guesses
CUT_OFF = 3  # bytes of a letter that the end of a sample may have cut


def likeliest(sample: bytes) -> str:
    """The encoding in which most of its letters are usual ones; "" if in none of them enough are."""
    scores = {encoding: score(sample, encoding) for encoding in ENCODINGS}
    best = max(scores, key=lambda encoding: scores[encoding])
    return best if scores[best] >= ENOUGH else ""


def score(sample: bytes, encoding: str) -> float:
    text = decoded(sample, encoding)
    beyond_ascii = sum(byte > 127 for byte in sample)
    if not text or not beyond_ascii:
        return STRANGE
    return sum(points(text, encoding)) / beyond_ascii


def decoded(sample: bytes, encoding: str) -> str:
    """ "" where it has bytes that the encoding does not, but for those of a letter that was cut."""
    for cut in range(CUT_OFF + 1 if encoding in WIDE else 1):
        try:
            return sample[: len(sample) - cut].decode(encoding)
        except UnicodeDecodeError:
            pass
    return ""


def points(text: str, encoding: str) -> Iterable[float]:
    """For each letter beyond ASCII; those that take two bytes count twice."""
    small, large = ENCODINGS[encoding]
    ranks = RANKS[small]
    weight = 2 if encoding in WIDE else 1
    before = ""
    for letter in text:
        if letter > "\x7f":
            if letter in PUNCTUATION or (weight == 2 and letter in ranks):
                yield USUAL * weight
            elif letter in ranks:
                yield USUAL * (1.2 - 1.2 * ranks[letter])
            elif letter in large:
                # A large letter behind a small one: the other code pages have them the other way round.
                yield STRANGE if before in ranks else USUAL / 2
            else:
                yield (POSSIBLE if is_possible(letter, encoding) else STRANGE) * weight
        before = letter


def is_possible(letter: str, encoding: str) -> bool:
    if encoding == "cp949":
        return "가" <= letter <= "힣"
    return encoding in WIDE and "一" <= letter <= "鿿"
