"""Loader for RTF: a tokenizer for control words, and a stack of group states."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from documents.extraction.blocks.builder import BlockBuilder
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import Extraction
from documents.extraction.text.plain import MAX_BYTES

MAX_DEPTH = 2_000
TOKEN = re.compile(
    rb"\\(?:(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|'(?P<code>[0-9a-fA-F]{2})|(?P<symbol>[^a-zA-Z']))"
    rb"|(?P<open>\{)|(?P<close>\})|(?P<end>[\r\n\x00]+)|(?P<text>[^\\{}\r\n\x00]+)",
    re.DOTALL,
)
BULLET = re.compile(r"^\s*(?:[·•▪◦§o\uf0a7\uf0b7])\s+")
ANY_BYTE = re.compile(rb".", re.DOTALL)  # a lone backslash
# Destinations without document text.
IGNORED_DESTINATIONS = frozenset(
    b"fonttbl colortbl stylesheet info pict object themedata datastore xmlnstbl listtable listoverridetable rsidtbl "
    b"generator header headerl headerr headerf footer footerl footerr footerf fldinst filetbl revtbl latentstyles "
    b"mmathPr wgrffmtfilter pgptbl bkmkstart bkmkend annotation atnid atnauthor atndate atnref xe tc sp pntxta pntxtb colorschememapping docvar".split()
)
# Optional destinations with document text: text boxes, and notes as LibreOffice writes them.
READ_DESTINATIONS = (b"shpinst", b"shptxt", b"footnote")
PARAGRAPH_BREAKS = {b"par", b"sect", b"page", b"sbkpage", b"column"}
CHARACTERS = {
    b"line": "\n",
    b"shptxt": "\n",  # a text box begins
    b"tab": " ",
    b"emdash": "—",
    b"endash": "–",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"bullet": "•",
    b"emspace": " ",
    b"enspace": " ",
    b"qmspace": " ",
}
SYMBOLS = {b"~": " ", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}
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


@dataclass
class State:
    """The formatting state of a group."""

    is_ignored: bool = False
    is_hidden: bool = False
    is_note: bool = False
    skip: int = 1  # fallback characters after each \\u
    encoding: str = ""
    level: int = 0  # heading level, or 0
    is_item: bool = False
    is_in_table: bool = False


def load(path: Path) -> Extraction:
    """Extract the text in pages. A truncated file is read to its end and marked as partial."""
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableFile("limit")
    content, writer = path.read_bytes(), PageWriter()
    read_rtf(content, writer)
    return writer.extraction(property_of(content, TITLE), properties_of(content))


def read_rtf(content: bytes, writer: PageWriter) -> None:
    """Write the blocks of an RTF document. Raises UnreadableFile."""
    start = content.find(b"{\\rtf", 0, 1024)
    if start < 0:
        raise UnreadableFile("damaged")
    RTFReader(content, writer).read(content, start)


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


class RTFReader:
    """Reads one file token by token."""

    def __init__(self, content: bytes, writer: PageWriter) -> None:
        self.writer = writer
        self.builder = BlockBuilder()
        self.encoding = code_page(content)
        self.fonts = {
            int(font): CHARSETS.get(int(kind), "") for font, kind in FONT.findall(content[:200_000])
        }
        self.headings = heading_styles(content[:500_000])
        self.stack: list[State] = []
        self.state = State()
        self.pending_bytes = bytearray()  # undecoded bytes: a character may take several
        self.to_skip = 0
        self.is_optional = self.is_first = self.has_marker = False
        self.surrogate = 0
        self.notes = 0

    def read(self, content: bytes, start: int) -> None:
        at = start
        while match := TOKEN.match(content, at) or ANY_BYTE.match(content, at):
            kind = match.lastgroup or ""
            self.read_token("word" if kind == "number" else kind, match)
            at = match.end()
            if kind == "number" and match["word"] == b"bin":
                at += max(0, int(match["number"]))  # binary data
            if kind == "close" and not self.stack:
                break
        self._flush_bytes()
        self.writer.is_partial |= bool(self.stack)
        self._end_table()
        self._end_paragraph()
        self.writer.is_partial |= self.builder.is_partial

    def read_token(self, kind: str, match: "re.Match[bytes]") -> None:
        if kind == "code":
            self._hex_byte(match)
            return
        if kind == "text":
            self._plain(match["text"])
        elif kind in ("end", ""):
            return
        else:
            self._flush_bytes()
            if kind == "open":
                self._open()
            elif kind == "close":
                self._close()
            elif kind == "symbol":
                self._symbol(match["symbol"])
            elif kind == "word":
                self._word(match["word"], match["number"])
        self.is_first = kind == "open" or (self.is_first and kind == "symbol" and match["symbol"] == b"*")

    def _open(self) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise UnreadableFile("limit")
        self.stack.append(self.state)
        self.state = replace(self.state)
        self.is_optional = False
        self.to_skip = 0

    def _close(self) -> None:
        if self.stack:
            was_note, self.state = self.state.is_note, self.stack.pop()
            if was_note and not self.state.is_note:
                self._add_text("]")
        self.to_skip = 0

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self.is_optional = True  # an optional destination
        elif symbol == b"-":
            return  # a soft hyphen
        elif symbol in SYMBOLS:
            self._add_text(SYMBOLS[symbol])

    def _hex_byte(self, match: "re.Match[bytes]") -> None:
        if self.to_skip:
            self.to_skip -= 1
        else:
            self.pending_bytes.append(int(match["code"], 16))

    def _plain(self, text: bytes) -> None:
        if self.to_skip:
            skipped = min(self.to_skip, len(text))
            text, self.to_skip = text[skipped:], self.to_skip - skipped
        # In double-byte encodings one byte may be escaped and the other literal.
        self.pending_bytes += text

    def _flush_bytes(self) -> None:
        if self.pending_bytes:
            pending_bytes, self.pending_bytes = bytes(self.pending_bytes), bytearray()
            self._add_text(pending_bytes.decode(self.state.encoding or self.encoding, errors="replace"))

    def _word(self, word: bytes, number: bytes | None) -> None:
        value = int(number) if number else None
        if self.is_first and (self.is_optional or word in IGNORED_DESTINATIONS):
            self.state.is_ignored |= word not in READ_DESTINATIONS
            if word == b"footnote":
                self._note()
        elif word == b"u" and value is not None:
            self._unicode(value % 65_536)
        elif word in CHARACTERS:
            self._add_text(CHARACTERS[word])
        elif word in PARAGRAPH_BREAKS:
            self._end_paragraph()
        else:
            self._character_format(word, value)

    def _character_format(self, word: bytes, value: int | None) -> None:
        if word == b"uc":
            self.state.skip = min(max(value or 0, 0), 10)
        elif word == b"f" and value is not None:
            self.state.encoding = self.fonts.get(value, "")
        elif word == b"v":
            self.state.is_hidden = value != 0
        elif word == b"plain":
            self.state.is_hidden, self.state.encoding = False, ""
        elif word == b"footnote":
            self._note()
        elif word == b"deleted":
            self.state.is_ignored |= value != 0
        elif not self.state.is_ignored:
            self._paragraph_format(word, value)

    def _note(self) -> None:
        self.notes += 1
        self._add_text(f" [{self.notes}: ")
        self.state.is_note = True

    def _paragraph_format(self, word: bytes, value: int | None) -> None:
        if word == b"pard":
            self.state.level, self.state.is_item, self.state.is_in_table = 0, False, False
        elif word == b"s" and value is not None:
            self.state.level = self.headings.get(value, 0)
        elif word == b"outlinelevel" and value is not None and 0 <= value < 9:
            self.state.level = value + 1
        elif word in (b"ls", b"listtext", b"pntext"):
            self.state.is_item = word != b"ls" or bool(value)
            self.has_marker |= word != b"ls"
        else:
            self._table(word)

    def _table(self, word: bytes) -> None:
        if word in (b"intbl", b"trowd"):
            self._begin_table()
        elif word == b"trhdr":
            self.builder.mark_header_row()
        elif word in (b"cell", b"nestcell"):
            self._end_cell()
        elif word in (b"row", b"nestrow"):
            self.builder.flush()
            if self.builder.is_in_table:
                self.builder.begin_row()

    def _unicode(self, code: int) -> None:
        self.to_skip = self.state.skip
        if 0xD800 <= code < 0xDC00:
            self.surrogate = code
        elif 0xDC00 <= code < 0xE000:
            if self.surrogate:
                self._add_text(chr(0x10000 + ((self.surrogate - 0xD800) << 10) + code - 0xDC00))
            self.surrogate = 0
        else:
            self._add_text(chr(code))

    def _add_text(self, text: str) -> None:
        if self.state.is_ignored:
            return
        if self.state.is_hidden:
            self.writer.count_hidden(sum(map(len, text.split())))
            return
        if not self.state.is_in_table and text.strip():
            self._end_table()
        self.builder.add_text(text)

    def _end_paragraph(self) -> None:
        if self.state.is_ignored:
            return
        if self.builder.is_in_table or self.state.is_note:
            self.builder.add_text("\n" if self.builder.is_in_table else " ")
            return
        text, self.builder.pieces = "".join(self.builder.pieces), []
        if self.state.level:
            self.builder.begin_block("heading", self.state.level)
        elif self.has_marker or self.state.is_item:
            self.builder.begin_block("item", 1, "" if self.has_marker else "- ")
            text = BULLET.sub("- ", text) if self.has_marker else text
        else:
            self.builder.begin_block("paragraph")
        self.has_marker = False
        self.builder.add_text(text)
        self.writer.add(self.builder.pop_blocks())

    def _begin_table(self) -> None:
        self.state.is_in_table = True
        if not self.builder.is_in_table:
            self.writer.add(self.builder.pop_blocks())
            self.builder.begin_table()
            self.builder.begin_row()

    def _end_cell(self) -> None:
        self._begin_table()
        pieces, self.builder.pieces = self.builder.pieces, []
        self.builder.begin_cell()
        self.builder.pieces = pieces
        self.builder.end_cell()

    def _end_table(self) -> None:
        if self.builder.is_in_table:
            self.builder.end_table()
            self.writer.add(self.builder.pop_blocks())


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
