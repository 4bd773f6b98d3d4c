"""Read what precedes the text of an RTF document: code page, fonts, heading styles, title, author and date."""

import re

CHARSETS = {
    0: "cp1252",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
STYLE = re.compile(rb"\{[^{}]{0,400}?\\s(\d{1,4})\b[^{}]{0,2000}?\}", re.DOTALL)
STYLE_NAME = re.compile(rb"(?:^|[\s\\;])heading (\d)", re.IGNORECASE)
STYLE_LEVEL = re.compile(rb"\\outlinelevel(\d)")
FONT = re.compile(rb"\\f(\d{1,5})\b[^{};]{0,200}?\\fcharset(\d{1,3})")
TITLE = re.compile(rb"\{\\title ([^{}\\]{1,300})\}")
AUTHOR = re.compile(rb"\{\\author ([^{}\\]{1,300})\}")
CREATED = re.compile(rb"\{\\creatim\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")
PROPERTIES_WITHIN = 100_000  # bytes; properties precede the text


def properties_of(content: bytes) -> dict[str, str]:
    """The author and the creation date, where present."""
    found = {"author": property_of(content, AUTHOR)}
    if created := CREATED.search(content[:PROPERTIES_WITHIN]):
        year, month, day = (int(number) for number in created.groups())
        found["creationdate"] = f"{year:04}-{month:02}-{day:02}"
    return {name: value for name, value in found.items() if value}


def property_of(content: bytes, pattern: "re.Pattern[bytes]") -> str:
    found = pattern.search(content[:PROPERTIES_WITHIN])
    return found[1].decode("cp1252", "replace") if found else ""


def code_page(content: bytes) -> str:
    """The default encoding of non-ASCII bytes, unless a font overrides it."""
    if match := re.search(rb"\\ansicpg(\d{1,5})", content[:2_000]):
        name = f"cp{int(match[1])}"
        try:
            b"a".decode(name)
        except LookupError:
            return "cp1252"
        return name
    head = content[:2_000]
    return "mac_roman" if b"\\mac" in head else "cp437" if b"\\pc " in head else "cp1252"


def font_encodings(head: bytes) -> dict[int, str]:
    """The encodings by font number; "" for a font without one of its own."""
    return {int(font): CHARSETS.get(int(kind), "") for font, kind in FONT.findall(head)}


def heading_styles(head: bytes) -> dict[int, int]:
    """The heading levels by style number."""
    at = head.find(b"{\\stylesheet")
    found: dict[int, int] = {}
    for match in STYLE.finditer(head, at) if at >= 0 else ():
        style = match[0]
        if name := STYLE_NAME.search(style):
            found[int(match[1])] = max(1, int(name[1]))
        elif level := STYLE_LEVEL.search(style):
            found[int(match[1])] = int(level[1]) + 1 if int(level[1]) < 9 else 0
        if len(found) > 1_000 or match.end() - at > 200_000:
            break
    return found
