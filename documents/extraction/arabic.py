"""PDFium turns the ligature of lam and alef round; where both letters have one place on the page, it was a ligature."""

import ctypes
import re
from collections.abc import Callable
from typing import Any

import pypdfium2.raw as pdfium_c

from documents.extraction import quick

TURNED = re.compile("[\u0622\u0623\u0625\u0627]\u0644")


def mend_ligatures(textpage: Any, text: str, place_of: Callable[[int], int]) -> str:
    """The text with lam before alef wherever one glyph stands for both; as long as before, so that places stay."""
    if not (pairs := list(TURNED.finditer(text))):
        return text
    handle, first, second = quick.pointer(textpage.raw), pdfium_c.FS_RECTF(), pdfium_c.FS_RECTF()
    pieces, at = [], 0
    for pair in pairs:
        place = place_of(pair.start())
        quick.loose_box(handle, place, ctypes.byref(first))
        quick.loose_box(handle, place + 1, ctypes.byref(second))
        if place >= 0 and (first.left, first.right) == (second.left, second.right):
            pieces += [text[at : pair.start()], pair.group()[::-1]]
            at = pair.end()
    return "".join([*pieces, text[at:]])
