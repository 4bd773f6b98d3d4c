"""Decode the characters of RTF: bytes of a code page, and UTF-16 code units with a fallback after each."""


class CharacterDecoder:
    """Turns bytes and code units into text, and skips the fallbacks."""

    def __init__(self) -> None:
        self.pending = bytearray()  # undecoded bytes: a character may take several
        self.to_skip = 0  # fallback characters still to come
        self.surrogate = 0

    def add_byte(self, byte: int) -> None:
        """Add an escaped byte."""
        if self.to_skip:
            self.to_skip -= 1
        else:
            self.pending.append(byte)

    def add_bytes(self, text: bytes) -> None:
        """Add literal bytes: in double-byte encodings one byte may be escaped and the other literal."""
        if self.to_skip:
            skipped = min(self.to_skip, len(text))
            text, self.to_skip = text[skipped:], self.to_skip - skipped
        self.pending += text

    def flush(self, encoding: str) -> str:
        """Return the text of the bytes since the last call."""
        if not self.pending:
            return ""
        pending, self.pending = bytes(self.pending), bytearray()
        return pending.decode(encoding, errors="replace")

    def unicode(self, code: int, fallback: int) -> str:
        """Return the text of a code unit, "" for the first of a pair; skip that many fallback characters."""
        self.to_skip = fallback
        if 0xD800 <= code < 0xDC00:
            self.surrogate = code
            return ""
        if 0xDC00 <= code < 0xE000:
            high, self.surrogate = self.surrogate, 0
            return chr(0x10000 + ((high - 0xD800) << 10) + code - 0xDC00) if high else ""
        return chr(code)
