"""Texts whose encoding is not declared; most are short."""

import pytest

from documents.extraction import UnreadableFile, sniff
from documents.extraction.text.encodings import decode

SENTENCES = {
    "german": "Die Gebühr für größere Schiffe beträgt 21 Euro.",
    "french": "Nom;Prénom\nLefèvre;Zoé\nGarçon;Noël\n",
    "italian": "Università degli studi, facoltà di lettere.",
    "swedish": "Åsa köpte smörgåsar i Göteborg.",
    "danish": "Blåbær og æbler koster 20 kroner på torvet.",
    "finnish": "Hyvää päivää, äiti! Tämä on pöytä.",
    "icelandic": "Það er gott að búa á Íslandi þó að veðrið sé stundum vont.",
    "croatian": "Školovanje je besplatno za sve učenike u županiji.",
    "latvian": "Ostas maksa ir divdesmit eiro, un tā jāmaksā katru dienu.",
    "czech": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "polish": "Opłata wynosi dwadzieścia złotych, zażółć gęślą jaźń.",
    "hungarian": "A kikötő díja húsz forint.",
    "turkish": "Limandaki gemiler için ücret yirmi liradır.",
    "bulgarian": "Таксата за престой в пристанището е двадесет лева.",
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
    **dict.fromkeys(("french", "italian"), ("cp1252", "iso8859_15", "mac_roman")),
    **dict.fromkeys(("swedish", "danish", "finnish"), ("cp1252", "iso8859_15", "mac_roman", "cp850")),
    "icelandic": ("cp1252", "iso8859_15", "cp850"),
    "croatian": ("cp1250", "iso8859_2"),
    "latvian": ("cp1257", "iso8859_13"),
    "bulgarian": ("cp1251", "iso8859_5"),
    **dict.fromkeys(("czech", "polish", "hungarian"), ("cp1250", "iso8859_2", "cp852", "mac_latin2")),
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


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Größe", "cp850"), ("Señor Peña", "cp850"), ("La città è più bella così.", "cp1252"), ("会议记录", "gbk"),
        ("請求書2024年", "cp932"), ("Договор", "cp866"), ("Όμορφη", "cp1253"), ("Jméno;Město\nNovák;Plzeň", "cp1250"),
    ],
)  # fmt: skip
def test_a_few_words_are_enough_where_another_reading_joins_letters_as_nobody_does(text, encoding):
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("declared", "text", "encoding"),
    [
        ("x-sjis", "①株式会社", "cp932"), ("ISO-8859-8-I", "שלום", "iso8859_8"), ("windows-874", "“ท่าเรือ”", "cp874"),
        ("gb2312", "朱镕基", "gb18030"), ("ISO-8859-9", "“gemi” €", "cp1254"),
    ],
)  # fmt: skip
def test_a_declared_name_stands_for_what_programs_then_write(declared, text, encoding):
    assert decode(text.encode(encoding), declared) == text


def test_a_letter_of_another_alphabet_here_and_there_is_no_reason_to_read_a_text_otherwise():
    text = "Сопротивление равно 10 kОм, а на входе сети Wi-Fi стоит фильтр, который приходит по SMSке. " * 3
    assert decode(text.encode("cp1251")) == text


@pytest.mark.parametrize("content", [b"\x01\x00\x02\x00" * 50, bytes(range(256)) * 8])
def test_bytes_with_zeros_in_them_are_no_text_for_that(content):
    with pytest.raises(UnreadableFile) as caught:
        sniff(content, "a.txt")
    assert caught.value.kind == "unsupported"
