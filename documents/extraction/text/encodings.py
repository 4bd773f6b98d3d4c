"""Decode bytes by byte-order mark, declared encoding, UTF-8, or detection with chardet, in that order."""

import codecs
import re

from documents.extraction.errors import UnreadableFile
from documents.extraction.text.detection import SAMPLE_LENGTH, detect_encoding

UTF16_SAMPLE_LENGTH = 4_096  # bytes examined for UTF-16 without a byte-order mark
BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
# Declared encodings and the supersets that programs actually write, as in the WHATWG Encoding Standard.
ACTUAL_ENCODINGS = {
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1", "latin-1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(("iso-8859-9", "iso8859-9"), "cp1254"),
    **dict.fromkeys(("iso-8859-11", "windows-874", "tis-620"), "cp874"),
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e"), "iso8859-8"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    **dict.fromkeys(("shift-jis", "sjis"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks-c-5601-1987"), "cp949"),
    "unicode": "utf-8",
}
# Python codecs that are no text encodings, and encodings that would have a byte-order mark.
REJECTED_ENCODINGS = (
    "idna",
    "punycode",
    "unicode-escape",
    "raw-unicode-escape",
    "undefined",
    "utf-16",
    "utf-32",
)
JAPANESE_MAIL = re.compile(rb"\x1b\$[@B]")  # ISO-2022-JP escape to a double-byte set
BEYOND_ASCII = re.compile(r"[^\x00-\x7f\ufffd]+")
MAX_DAMAGED_SHARE = 0.1  # of non-ASCII characters in truncated or badly repaired UTF-8


def decode(content: bytes, declared: str = "") -> str:
    """Decode a text and normalize its line ends. Raises UnreadableFile for binary content."""
    text = _decoded(content, declared).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\x00") * 1000 > len(text):
        raise UnreadableFile("encoding")
    # PostgreSQL rejects NUL; a space keeps the offsets.
    return text.replace("\x00", " ")


def actual_encoding(name: str) -> str:
    """The encoding that content with this declared name is really in, often a superset."""
    name = name.strip().lower().replace("_", "-").removeprefix("x-")
    return ACTUAL_ENCODINGS.get(name, name)


def is_single_byte(encoding: str) -> bool:
    """Whether the encoding is single-byte. Non-ASCII content that is valid UTF-8 is not in such an encoding."""
    try:
        return len(bytes(range(128, 256)).decode(encoding, errors="replace")) == 128
    except (LookupError, ValueError):
        return False


def _decoded(content: bytes, declared: str) -> str:
    encoding = next((encoding for mark, encoding in BYTE_ORDER_MARKS.items() if content.startswith(mark)), "")
    if encoding in ("", "utf-8"):
        text = _decode_as(content, encoding or declared)
        if text is not None:
            return text
    encoding = encoding or detect_utf16(content)
    if not encoding and JAPANESE_MAIL.search(content[:SAMPLE_LENGTH]):
        text = _decode_as(content, "iso2022_jp")
        if text is not None:
            return text
    try:
        return content.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        sample = content[:SAMPLE_LENGTH]
        if encoding not in ("", "utf-8") or sample.count(0) * 1000 > len(sample):
            raise UnreadableFile("encoding") from None
    return _decode_detected(content)


def detect_utf16(content: bytes) -> str:
    """Return the byte order of UTF-16 without a mark, or "": spaces and digits have a zero high byte."""
    start = (
        content[: UTF16_SAMPLE_LENGTH - UTF16_SAMPLE_LENGTH % 2]
        if len(content) > UTF16_SAMPLE_LENGTH
        else content
    )
    for encoding, high in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if high.count(0) * 10 >= len(high) and high.count(0) == start.count(0) and len(start) > 3:
            text = start.decode(encoding, errors="ignore")
            if "".join(text.split()).isprintable():
                return encoding
    return ""


def _decode_as(content: bytes, declared: str) -> str | None:
    """Decode as declared, or return None if more than a few bytes are invalid."""
    try:
        name = codecs.lookup(actual_encoding(declared)).name.replace("_", "-")
        if name.startswith(REJECTED_ENCODINGS) or (is_single_byte(name) and _is_in_utf8(content)):
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


def _decode_detected(content: bytes) -> str:
    """Decode with the detected encoding. Bytes after the sample may be invalid in it."""
    sample = content[:SAMPLE_LENGTH]
    if sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in sample[:4_096]) > 20:
        raise UnreadableFile("encoding")
    text = content.decode("utf-8", errors="replace")
    if MAX_DAMAGED_SHARE * sum(map(len, BEYOND_ASCII.findall(text))) > text.count("\ufffd"):
        return text  # other encodings rarely form valid UTF-8 by chance
    return content.decode(actual_encoding(detect_encoding(sample)), errors="replace")
