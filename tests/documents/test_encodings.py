"""Texts that say nowhere what they are written in; most people's are short."""

import pytest

from documents.extraction import UnreadableFile, sniff
from documents.extraction.encodings import decode

SENTENCES = {
    "german": "Die Gebühr für größere Schiffe beträgt 21 Euro.",
    "czech": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "polish": "Opłata wynosi dwadzieścia złotych, zażółć gęślą jaźń.",
    "hungarian": "A kikötő díja húsz forint.",
    "turkish": "Limandaki gemiler için ücret yirmi liradır.",
    "russian": "Плата за стоянку в гавани составляет двадцать рублей.",
    "ukrainian": "Її сплачують щодня.",
    "greek": "Το τέλος λιμένος είναι είκοσι ευρώ.",
    "hebrew": "דמי הנמל הם עשרים שקלים.",
    "arabic": "رسوم الميناء عشرون دينارا.",
    "thai": "ค่าธรรมเนียมท่าเรือคือยี่สิบยูโร",
    "japanese": "港の料金は二十ユーロです。",
    "chinese": "港口费用为二十欧元。",
    "taiwanese": "港口費用為二十歐元。",
    "korean": "항구 요금은 이십 유로입니다.",
}
WRITTEN_IN = {
    "german": ("cp1252", "iso8859_15", "mac_roman", "cp850", "utf-8", "utf-16-le", "utf-16-be"),
    "czech": ("cp1250", "iso8859_2"),
    "polish": ("cp1250", "iso8859_2"),
    "hungarian": ("cp1250", "iso8859_2"),
    "turkish": ("cp1254", "iso8859_9"),
    "russian": ("cp1251", "koi8_r", "iso8859_5", "cp866", "cp855", "mac_cyrillic", "utf-16-le"),
    "ukrainian": ("cp1251", "koi8_u"),
    "greek": ("cp1253", "iso8859_7"),
    "hebrew": ("cp1255", "iso8859_8"),
    "arabic": ("cp1256", "iso8859_6"),
    "thai": ("cp874",),
    "japanese": ("cp932", "euc_jp", "iso2022_jp"),
    "chinese": ("gb18030",),
    "taiwanese": ("big5",),
    "korean": ("euc_kr",),
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [(language, encoding) for language, encodings in WRITTEN_IN.items() for encoding in encodings],
)
def test_one_sentence_is_enough(language, encoding):
    text = SENTENCES[language]
    content = text.encode(encoding)
    assert decode(content) == text
    assert sniff(content, "a.txt") == "text/plain"


@pytest.mark.parametrize("content", [b"\x01\x00\x02\x00" * 50, bytes(range(256)) * 8])
def test_bytes_with_zeros_in_them_are_no_text_for_that(content):
    with pytest.raises(UnreadableFile) as caught:
        sniff(content, "a.txt")
    assert caught.value.kind == "unsupported"
