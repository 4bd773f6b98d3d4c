"""From bytes to text: by a mark, by what is declared, as UTF-8, or by chardet's likeliest encoding."""

import codecs
import re

from documents.extraction.errors import UnreadableFile
from documents.extraction.text.guessing import GUESSING_LENGTH, likeliest

UTF16_LENGTH = 4_096  # bytes that are looked at for UTF-16 without its mark
MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
# What programs declare, and what they then write.
MEANT_BY = {
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1", "latin-1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(("iso-8859-9", "iso8859-9"), "cp1254"),
    **dict.fromkeys(("iso-8859-11", "windows-874", "tis-620"), "cp874"),
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e"), "iso8859-8"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    **dict.fromkeys(("shift-jis", "sjis"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks-c-5601-1987"), "cp949"),
    "unicode": "utf-8",
}
# What no text is written in, though Python decodes it; and what would have had a mark.
NOT_DECLARED = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-16", "utf-32")
JAPANESE_MAIL = re.compile(rb"\x1b\$[@B]")  # where ISO-2022-JP goes over to two bytes a letter
BEYOND_ASCII = re.compile(r"[^\x00-\x7f\ufffd]+")
DAMAGED_SHARE = 0.1  # of the letters beyond ASCII, where a text in UTF-8 was cut or mended badly


def decode(content: bytes, declared: str = "") -> str:
    """By its mark, else as declared, else UTF-8, else the likeliest encoding; raises UnreadableFile for what is no text."""
    text = _decoded(content, declared).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\x00") * 1000 > len(text):
        raise UnreadableFile("encoding")
    # PostgreSQL stores no NUL; a blank in its place keeps every offset.
    return text.replace("\x00", " ")


def meant_by(name: str) -> str:
    """The encoding that programs write which declare this one: mostly a larger one."""
    name = name.strip().lower().replace("_", "-").removeprefix("x-")
    return MEANT_BY.get(name, name)


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
        sample = content[:GUESSING_LENGTH]
        if marked not in ("", "utf-8") or sample.count(0) * 1000 > len(sample):
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
    try:
        name = codecs.lookup(meant_by(declared)).name.replace("_", "-")
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
    text = content.decode("utf-8", errors="replace")
    if DAMAGED_SHARE * sum(map(len, BEYOND_ASCII.findall(text))) > text.count("\ufffd"):
        return text  # no other encoding makes letters of UTF-8 by chance
    return content.decode(meant_by(likeliest(sample)), errors="replace")
