"""From bytes to text: by a mark, by what is declared, as UTF-8, or by the likeliest encoding of those that people still have."""

import codecs
import re

from documents.extraction.failures import UnreadableFile
from documents.extraction.scripts import likeliest

UTF16_LENGTH = 4_096  # bytes that are looked at for UTF-16 without its mark
GUESSING_LENGTH = 200_000  # bytes that are looked at to guess an encoding
MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
# What programs declare, and what they then write.
MEANT_BY = {
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift-jis": "cp932",
    "euc-kr": "cp949",
    "ks-c-5601-1987": "cp949",
    "iso-8859-9": "cp1254",
    "tis-620": "cp874",
    "unicode": "utf-8",
}
# What no text is written in, though Python decodes it; and what would have had a mark.
NOT_DECLARED = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-16", "utf-32")
# Encodings of Latin scripts, the likeliest first, and the letters that the languages written in them use.
LATIN = {
    "cp1252": frozenset("äöüßÄÖÜéèêëàâçîïôûùñáíóúåæøãõìòÉÈÀÂÇÊÔÑÁÍÓÚÅÆØÃÕœŒ"),
    "cp1250": frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽöőüűÖŐÜŰăâîşţĂÂÎŞŢđĐľĺŕĽôä"),
    "iso8859_15": frozenset("äöüßÄÖÜéèêëàâçîïôûùñáíóúåæøãõìòÉÈÀÂÇÊÔÑÁÍÓÚÅÆØÃÕœŒ€"),
    "iso8859_2": frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽöőüűÖŐÜŰăâîşţĂÂÎŞŢđĐľĺŕĽôä"),
    "cp1254": frozenset("çğıöşüâîûÇĞİÖŞÜ"),
    "cp1257": frozenset("āčēģīķļņšūžĀČĒĢĪĶĻŅŠŪŽąęėįųĄĘĖĮŲõäöüÕÄÖÜ"),
    "mac_roman": frozenset("äöüßÄÖÜéèêëàâçîïôûùñáíóúåæøãõìòÉÈÀÂÇÊÔÑÁÍÓÚÅÆØÃÕœŒ"),
    "cp850": frozenset("äöüßÄÖÜéèêëàâçîïôûùñáíóúåæøãõìòÉÈÀÂÇÊÔÑÁÍÓÚÅÆØÃÕ"),
}
MARKS_OF_ALL = frozenset("’‘“”„«»‹›–—…•·°§€£¿¡©®™²³½ªº´×±\xa0")
# Encodings of other scripts, the likelier first where two seem as good.
OTHERS = (
    "cp1251",
    "gb18030",
    "cp932",
    "cp949",
    "big5",
    "koi8_r",
    "cp1253",
    "cp1256",
    "cp1255",
    "euc_jp",
    "cp866",
    "cp874",
)
WESTERN = ("cp1252", "iso8859_15", "mac_roman", "cp850")
JAPANESE_MAIL = re.compile(rb"\x1b\$[@B]")  # where ISO-2022-JP goes over to two bytes a letter
BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def decode(content: bytes, declared: str = "") -> str:
    """By its mark, else as declared, else UTF-8, else the likeliest encoding; raises UnreadableFile for what is no text."""
    text = _decoded(content, declared).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\x00") * 1000 > len(text):
        raise UnreadableFile("encoding")
    # PostgreSQL stores no NUL; a blank in its place keeps every offset.
    return text.replace("\x00", " ")


def has_single_bytes(encoding: str) -> bool:
    """Whether each of its letters is one byte. Whatever is valid UTF-8 beyond ASCII is not written in such a one."""
    try:
        return len(bytes(range(128, 256)).decode(encoding, errors="replace")) == 128
    except (LookupError, ValueError):
        return False


def _decoded(content: bytes, declared: str) -> str:
    marked = next((encoding for mark, encoding in MARKS.items() if content.startswith(mark)), "")
    if marked in ("", "utf-8"):
        text = _as_declared(content, marked or declared)
        if text is not None:
            return text
    marked = marked or unmarked_utf16(content)
    if not marked and JAPANESE_MAIL.search(content[:GUESSING_LENGTH]):
        text = _as_declared(content, "iso2022_jp")
        if text is not None:
            return text
    try:
        return content.decode(marked or "utf-8")
    except UnicodeDecodeError:
        if marked or content[:GUESSING_LENGTH].count(0) * 1000 > len(content[:GUESSING_LENGTH]):
            raise UnreadableFile("encoding") from None
    return _guessed(content)


def unmarked_utf16(content: bytes) -> str:
    """Which of its two kinds it is in, if it begins like a text: every other byte is 0 at least for blanks and figures."""
    start = content[: UTF16_LENGTH - UTF16_LENGTH % 2] if len(content) > UTF16_LENGTH else content
    for encoding, high in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if high.count(0) * 10 >= len(high) and high.count(0) == start.count(0) and len(start) > 3:
            text = start.decode(encoding, errors="ignore")
            if "".join(text.split()).isprintable():
                return encoding
    return ""


def _as_declared(content: bytes, declared: str) -> str | None:
    """None where the declaration cannot be right. A byte or two that it does not have are no proof of that."""
    name = declared.strip().lower().replace("_", "-")
    name = MEANT_BY.get(name, name)
    try:
        name = codecs.lookup(name).name.replace("_", "-")
        if name.startswith(NOT_DECLARED) or (has_single_bytes(name) and _is_in_utf8(content)):
            return None
        text = content.decode(name, errors="replace")
    except (LookupError, ValueError):
        return None
    return text if text.count("\ufffd") <= len(text) // 500 else None


def _is_in_utf8(content: bytes) -> bool:
    if content.isascii():
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _guessed(content: bytes) -> str:
    """What was not looked at may hold a byte or two that the encoding does not have."""
    sample = content[:GUESSING_LENGTH]
    if sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in sample[:4_096]) > 20:
        raise UnreadableFile("encoding")
    encoding = _latin(sample) if _is_latin(sample) else _other(sample)
    return content.decode(encoding, errors="replace")


def _is_latin(sample: bytes) -> bool:
    """In Latin scripts the letters beyond ASCII stand alone among others; elsewhere they come in runs."""
    runs = [len(match.group()) for match in BEYOND_ASCII.finditer(sample)]
    return sum(length for length in runs if length > 2) < sum(runs) / 2


def _latin(sample: bytes) -> str:
    """The encoding in which the text has the most letters that languages written in it use."""
    return max(LATIN, key=lambda encoding: _fitness(sample.decode(encoding, errors="replace"), encoding))


def _fitness(text: str, encoding: str) -> float:
    # Hungarian has these letters together in the other code page, and no language has them so in this one.
    is_unlikely = is_hungarian(text) if encoding in WESTERN else encoding == "cp1250" and is_no_language(text)
    score = -int(is_unlikely)
    for match in NOT_ASCII.finditer(text):
        letter = match.group()
        if letter in LATIN[encoding]:
            score += 2
        elif letter in MARKS_OF_ALL:
            at = match.start()
            # A sign between two letters is a letter in another encoding.
            score += (
                -2 if letter != "’" and text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha() else 2
            )
        else:
            score -= 2 + 2 * (not letter.isalpha())
    return score


def is_no_language(text: str) -> bool:
    """Polish letters without the others that it has, Slovak ones in Czech: ISO 8859-2, where these are š and ž."""
    return ("ą" in text and not any(letter in text for letter in "ęłż")) or (
        "ľ" in text and any(letter in text for letter in "ěřů")
    )


def is_hungarian(text: str) -> bool:
    return "õ" in text and ("û" in text or ("ö" in text and any(letter in text for letter in "áéíóú")))


def _other(sample: bytes) -> str:
    if found := likeliest(sample):
        return found
    from charset_normalizer import from_bytes  # late: only files that are not UTF-8 pay for it

    matches = from_bytes(sample, cp_isolation=list(OTHERS))
    if not matches:
        raise UnreadableFile("encoding")
    best = min(matches, key=lambda match: (round(match.chaos, 2), -match.coherence, _rank(match.encoding)))
    return best.encoding


def _rank(encoding: str) -> int:
    return OTHERS.index(encoding) if encoding in OTHERS else len(OTHERS)
