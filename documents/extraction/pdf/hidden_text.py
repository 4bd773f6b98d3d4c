"""Counts text that is in a PDF but invisible on the page, as a defence against words meant for machines only.

Checks the last character of each printed line. Checking all would take a tenth of a page's time.
"""

import ctypes
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pypdfium2.raw as pdfium_c

from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.pdf import fast_calls

NEARLY_WHITE = 245  # of 255, each of red, green and blue
NEARLY_CLEAR = 13  # of 255
TINY = 1.6  # points of line height
MAX_OBJECTS = 3_000  # examined per page for the background of white text
INVISIBLE_MODE = pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE
INVISIBLE, WHITE, TINY_OR_OUTSIDE = "invisible", "white", "small"
COLOUR = struct.Struct("4I")  # red, green, blue, alpha
Line = Sequence[float]


def hidden_text(
    page: Any, textpage: Any, text: str, lines: Sequence[Line], place_of: Callable[[int], int]
) -> dict[str, int]:
    """Count characters that are `invisible`, `white` on white, or `small` (tiny or outside the page). Omits zeros."""
    kind_of = _render_inspector(textpage)
    page_left, page_bottom, page_right, page_top = _visible_box(page)
    found: dict[str, list[Line]] = {}
    for line in lines:
        _start, end, left, right, baseline, height = line[:6]
        if (
            height < TINY
            or right < page_left
            or left > page_right
            or baseline < page_bottom
            or baseline > page_top
        ):
            found.setdefault(TINY_OR_OUTSIDE, []).append(line)
        elif kind := kind_of(place_of(int(end) - 1)):
            found.setdefault(kind, []).append(line)
    if WHITE in found:
        backgrounds = _backgrounds(page)
        found[WHITE] = [line for line in found[WHITE] if not _lies_on(backgrounds, line)]
    counts = {kind: sum(_solid(text, line) for line in hidden) for kind, hidden in found.items()}
    return {kind: count for kind, count in counts.items() if count}


def _render_inspector(textpage: Any) -> Callable[[int], str]:
    """A function that tells how a character is hidden, if it is. Reuses its ctypes buffers."""
    handle, drawn = fast_calls.pointer(textpage.raw), ctypes.c_void_p()
    colour = ctypes.create_string_buffer(COLOUR.size)  # read as bytes, thirty times as fast as an array
    at_parts = [ctypes.byref(colour, COLOUR.size // 4 * number) for number in range(4)]
    kinds: dict[bytes, str] = {}
    text_object, render_mode, fill_colour = (
        fast_calls.text_object,
        fast_calls.render_mode,
        fast_calls.fill_colour,
    )

    def kind_of(character: int) -> str:
        drawn.value = text_object(handle, character)
        if drawn and render_mode(drawn) == INVISIBLE_MODE:
            return INVISIBLE
        if not fill_colour(handle, character, *at_parts):
            return ""
        parts = colour.raw
        if parts not in kinds:
            kinds[parts] = _kind_of_colour(*COLOUR.unpack(parts))
        return kinds[parts]

    return kind_of


def _kind_of_colour(red: int, green: int, blue: int, alpha: int) -> str:
    if alpha < NEARLY_CLEAR:
        return INVISIBLE
    return WHITE if min(red, green, blue) >= NEARLY_WHITE else ""


def _visible_box(page: Any) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of the displayed part of the page."""
    box = pdfium_c.FS_RECTF()
    if not pdfium_c.FPDF_GetPageBoundingBox(page.raw, ctypes.byref(box)):
        return (-1e9, -1e9, 1e9, 1e9)
    return box.left, box.bottom, box.right, box.top


def _backgrounds(page: Any) -> list[tuple[float, float, float, float]]:
    """Boxes on which white text is visible: images, shadings, forms and shapes filled with a colour."""
    found = []
    corners = [ctypes.c_float() for _ in range(4)]
    for number in range(min(pdfium_c.FPDFPage_CountObjects(page.raw), MAX_OBJECTS)):
        item = pdfium_c.FPDFPage_GetObject(page.raw, number)
        kind = pdfium_c.FPDFPageObj_GetType(item)
        if kind == pdfium_c.FPDF_PAGEOBJ_TEXT or (
            kind == pdfium_c.FPDF_PAGEOBJ_PATH and not _is_coloured(item)
        ):
            continue
        if pdfium_c.FPDFPageObj_GetBounds(item, *corners):
            found.append(tuple(corner.value for corner in corners))
    return found  # type: ignore[return-value]


def _is_coloured(path: Any) -> bool:
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    parts = [ctypes.c_uint() for _ in range(4)]
    if not pdfium_c.FPDFPath_GetDrawMode(path, mode, stroke) or mode.value == pdfium_c.FPDF_FILLMODE_NONE:
        return False
    if not pdfium_c.FPDFPageObj_GetFillColor(path, *parts):
        return True  # filled with a pattern
    return parts[3].value >= NEARLY_CLEAR and min(part.value for part in parts[:3]) < NEARLY_WHITE


def _lies_on(boxes: Sequence[tuple[float, float, float, float]], line: Line) -> bool:
    x, y = (line[2] + line[3]) / 2, line[4] + 0.3 * line[5]
    return any(left <= x <= right and bottom <= y <= top for left, bottom, right, top in boxes)


def _solid(text: str, line: Line) -> int:
    return solid_length(text[int(line[0]) : int(line[1])])
