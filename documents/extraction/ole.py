"""Identify a legacy Office file (OLE compound file) by the names in its directory."""

import struct
from typing import IO

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_SECTORS = 64  # of the directory, about 200 names
END_OF_CHAIN = 0xFFFFFFFA
# The first match wins.
KINDS = (
    ("EncryptedPackage", "locked"),
    ("WordDocument", "doc"),
    ("Workbook", "xls"),
    ("Book", "xls"),
    ("PowerPoint Document", "ppt"),
    ("__properties_version1.0", "msg"),
)
BY_ENDING = {
    ".doc": "doc",
    ".dot": "doc",
    ".xls": "xls",
    ".xlt": "xls",
    ".ppt": "ppt",
    ".pps": "ppt",
    ".msg": "msg",
}


def identify(file: IO[bytes], ending: str) -> str:
    """One of doc, xls, ppt, msg, locked; else `office`."""
    try:
        names = set(directory_names(file))
    except (struct.error, ValueError, OSError):
        names = set()
    finally:
        file.seek(0)
    found = next((kind for name, kind in KINDS if name in names), "")
    return found or BY_ENDING.get(ending, "office")


def directory_names(file: IO[bytes]) -> list[str]:
    """The stream names in the directory. Raises ValueError or struct.error for a malformed file."""
    file.seek(0)
    header = file.read(512)
    shift = struct.unpack("<H", header[30:32])[0]
    if shift not in (9, 12):
        raise ValueError("no sector size")
    size = 1 << shift
    sector = struct.unpack("<L", header[48:52])[0]
    table = struct.unpack("<109L", header[76:512])
    names: list[str] = []
    for _ in range(MAX_SECTORS):
        if sector >= END_OF_CHAIN:
            break
        content = _sector(file, sector, size)
        for at in range(0, len(content) - 127, 128):
            length = min(struct.unpack("<H", content[at + 64 : at + 66])[0], 64)
            names.append(content[at : at + max(0, length - 2)].decode("utf-16-le", errors="replace"))
        sector = _next(file, sector, size, table)
    return names


def _next(file: IO[bytes], sector: int, size: int, table: tuple[int, ...]) -> int:
    """The next sector of the chain in the file allocation table."""
    block, place = divmod(sector, size // 4)
    if block >= len(table) or table[block] >= END_OF_CHAIN:
        return END_OF_CHAIN
    content = _sector(file, table[block], size)
    return int(struct.unpack("<L", content[place * 4 : place * 4 + 4])[0])


def _sector(file: IO[bytes], number: int, size: int) -> bytes:
    file.seek((number + 1) * size)
    return file.read(size)
