"""What a limited child paints: one page of a PDF as a picture, and where on it a range of its text stands.

As with the text, nothing here is trusted by whoever asked.
"""

import base64
import ctypes
from collections.abc import Iterator
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from documents.extraction.pdf.printed_lines import read_lines
from documents.extraction.pdf.reader import limit_cpu
from documents.extraction.render.png import png
from documents.extraction.render.rectangles import Rectangle, joined

Message = dict[str, Any]

CPU_SECONDS = 4
MAX_PIXELS = 8_000_000  # a page of any shape; twenty-four megabytes while it is painted
MAX_RECTANGLES = 400
FINE = 1_000_000  # steps on either side in which PDFium is asked for a place


def paint(path: str, index: int, width: int, password: str = "") -> Iterator[Message]:
    """The page as a PNG so many pixels wide, smaller where it is very long; `failed` where there is no such page."""
    limit_cpu(CPU_SECONDS)
    try:
        document = pdfium.PdfDocument(path, password=password or None)
        document.init_forms()  # what was filled in is part of the picture
        page = document[index]
        scale = min(width / page.get_width(), (MAX_PIXELS / page.get_width() / page.get_height()) ** 0.5)
        picture = page.render(scale=scale, rev_byteorder=True)
    except (pdfium.PdfiumError, ValueError, IndexError, ZeroDivisionError) as error:
        is_locked = getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD
        yield {"kind": "failed", "reason": "password" if is_locked else ""}
        return
    yield {"kind": "picture", "png": base64.b64encode(_packed(picture)).decode()}


def _packed(picture: Any) -> bytes:
    """Grey where no pixel has a colour: a third of the size, and most pages are black on white."""
    row = 3 * picture.width
    whole = bytes(picture.buffer)
    if picture.stride != row:
        whole = b"".join(
            whole[at : at + row] for at in range(0, picture.stride * picture.height, picture.stride)
        )
    red, green, blue = whole[::3], whole[1::3], whole[2::3]
    is_grey = red == green == blue
    return png(red if is_grey else whole, picture.width, picture.height, is_grey=is_grey)


def locate(path: str, index: int, ranges: list[list[int]]) -> Iterator[Message]:
    """Where ranges of the page's raw text stand: rectangles (left, top, width, height) as shares of the page.

    `size` is the page's, as it is shown: rotated, and cut to its crop box.
    """
    limit_cpu(CPU_SECONDS)
    try:
        page = pdfium.PdfDocument(path)[index]
        text = page.get_textpage()
        shown = [[_shown(page, each) for each in _rectangles(text, *wanted)] for wanted in ranges]
        size = [round(page.get_width(), 2), round(page.get_height(), 2)]
    except (pdfium.PdfiumError, IndexError):
        yield {"kind": "failed"}
        return
    places = [place for found in shown for place in joined(list(filter(None, found)), size[0] / size[1])]
    yield {"kind": "places", "size": size, "rectangles": places[:MAX_RECTANGLES]}


def _rectangles(text: Any, start: int, end: int) -> list[tuple[float, float, float, float]]:
    """One for each piece of a line that the range covers, in the page's own units."""
    whole, _lines, place_of = read_lines(text)
    if not 0 <= start < (end := min(end, len(whole))):
        return []
    found: list[tuple[float, float, float, float]] = []
    # PDFium counts the letters of right-to-left lines in an order of its own.
    for first, count in _stretches(
        sorted(filter(lambda place: place >= 0, map(place_of, range(start, end))))
    ):
        rectangles = pdfium_c.FPDFText_CountRects(text.raw, first, count)
        found += [text.get_rect(number) for number in range(min(rectangles, MAX_RECTANGLES - len(found)))]
    return found


def _stretches(places: list[int]) -> Iterator[tuple[int, int]]:
    """Where each row of places that follow on each other begins, and how many they are."""
    first = 0
    for number in range(1, len(places) + 1):
        if number == len(places) or places[number] > places[number - 1] + 1:
            yield places[first], places[number - 1] - places[first] + 1
            first = number


def _shown(page: Any, rectangle: tuple[float, float, float, float]) -> Rectangle:
    """As it is on the picture, between 0 and 1; empty where nothing of it is."""
    left, bottom, right, top = rectangle
    corners = [_on_picture(page, x, y) for x, y in ((left, bottom), (right, top))]
    (x1, x2), (y1, y2) = (
        sorted(min(1.0, max(0.0, value)) for value in side) for side in zip(*corners, strict=True)
    )
    return [x1, y1, x2 - x1, y2 - y1] if x2 - x1 > 1e-5 and y2 - y1 > 1e-5 else []


def _on_picture(page: Any, x: float, y: float) -> tuple[float, float]:
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDF_PageToDevice(page.raw, 0, 0, FINE, FINE, 0, x, y, across, down)
    return across.value / FINE, down.value / FINE
