"""Read RTF: a tokenizer for control words, and a stack of group states."""

import re
from dataclasses import dataclass, replace

from documents.extraction.blocks.builder import BlockBuilder
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.rtf.characters import CharacterDecoder
from documents.extraction.office.rtf.header import code_page, font_encodings, heading_styles
from documents.extraction.office.rtf.words import (
    CHARACTERS,
    IGNORED_DESTINATIONS,
    PARAGRAPH_BREAKS,
    READ_DESTINATIONS,
    SYMBOLS,
)

MAX_DEPTH = 2_000
TOKEN = re.compile(
    rb"\\(?:(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|'(?P<code>[0-9a-fA-F]{2})|(?P<symbol>[^a-zA-Z']))"
    rb"|(?P<open>\{)|(?P<close>\})|(?P<end>[\r\n\x00]+)|(?P<text>[^\\{}\r\n\x00]+)",
    re.DOTALL,
)
BULLET = re.compile(r"^\s*(?:[·•▪◦§o\uf0a7\uf0b7])\s+")
ANY_BYTE = re.compile(rb".", re.DOTALL)  # a lone backslash


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


class RTFReader:
    """Reads one file token by token."""

    def __init__(self, content: bytes, writer: PageWriter) -> None:
        self.writer = writer
        self.builder = BlockBuilder()
        self.encoding = code_page(content)
        self.fonts = font_encodings(content[:200_000])
        self.headings = heading_styles(content[:500_000])
        self.stack: list[State] = []
        self.state = State()
        self.decoder = CharacterDecoder()
        self.is_optional = self.is_first = self.has_marker = False
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
            self.decoder.add_byte(int(match["code"], 16))
            return
        if kind == "text":
            self.decoder.add_bytes(match["text"])
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
        self.decoder.to_skip = 0

    def _close(self) -> None:
        if self.stack:
            was_note, self.state = self.state.is_note, self.stack.pop()
            if was_note and not self.state.is_note:
                self._add_text("]")
        self.decoder.to_skip = 0

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self.is_optional = True  # an optional destination
        elif symbol == b"-":
            return  # a soft hyphen
        elif symbol in SYMBOLS:
            self._add_text(SYMBOLS[symbol])

    def _flush_bytes(self) -> None:
        if text := self.decoder.flush(self.state.encoding or self.encoding):
            self._add_text(text)

    def _word(self, word: bytes, number: bytes | None) -> None:
        value = int(number) if number else None
        if self.is_first and (self.is_optional or word in IGNORED_DESTINATIONS):
            self.state.is_ignored |= word not in READ_DESTINATIONS
            if word == b"footnote":
                self._note()
        elif word == b"u" and value is not None:
            self._add_text(self.decoder.unicode(value % 65_536, self.state.skip))
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
