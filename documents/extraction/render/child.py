"""Runs in a sandboxed child: renders one page of a PDF, and locates ranges of its text. The caller trusts no answer."""

import base64
import ctypes
from collections.abc import Iterator
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from documents.extraction.pdf.lines import read_lines
from documents.extraction.pdf.reader import limit_cpu
from documents.extraction.render.png import png
from documents.extraction.render.rectangles import Rectangle, merge_on_lines

Message = dict[str, Any]

CPU_SECONDS = 4
MAX_PIXELS = 8_000_000  # of any shape; rendering takes three bytes for each
MAX_RECTANGLES = 400
DEVICE_UNITS = 1_000_000  # device units per side, for exact coordinates from PDFium


def render(path: str, index: int, width: int, password: str = "") -> Iterator[Message]:
    """Yield the page as a PNG of that width, less if the page is very long, or `failed` if it cannot be rendered."""
    limit_cpu(CPU_SECONDS)
    try:
        document = pdfium.PdfDocument(path, password=password or None)
        document.init_forms()  # also draws the values of form fields
        page = document[index]
        scale = min(width / page.get_width(), (MAX_PIXELS / page.get_width() / page.get_height()) ** 0.5)
        image = page.render(scale=scale, rev_byteorder=True)
    except (pdfium.PdfiumError, ValueError, IndexError, ZeroDivisionError) as error:
        is_locked = getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD
        yield {"kind": "failed", "reason": "password" if is_locked else ""}
        return
    yield {"kind": "image", "png": base64.b64encode(_to_png(image)).decode()}


def _to_png(image: Any) -> bytes:
    """Encode as greyscale if no pixel has a colour, which most pages have not: a third of the size."""
    row = 3 * image.width
    pixels = bytes(image.buffer)
    if image.stride != row:
        pixels = b"".join(pixels[at : at + row] for at in range(0, image.stride * image.height, image.stride))
    red, green, blue = pixels[::3], pixels[1::3], pixels[2::3]
    is_grey = red == green == blue
    return png(red if is_grey else pixels, image.width, image.height, is_grey=is_grey)


def locate(path: str, index: int, ranges: list[list[int]]) -> Iterator[Message]:
    """Yield the rectangles (left, top, width, height) of ranges of the page's raw text, as shares of the page.

    `size` is that of the displayed page: rotated, and cropped to its crop box.
    """
    limit_cpu(CPU_SECONDS)
    try:
        page = pdfium.PdfDocument(path)[index]
        text = page.get_textpage()
        shown = [[_on_page(page, each) for each in _rectangles(text, *wanted)] for wanted in ranges]
        size = [round(page.get_width(), 2), round(page.get_height(), 2)]
    except (pdfium.PdfiumError, IndexError):
        yield {"kind": "failed"}
        return
    places = [
        place for found in shown for place in merge_on_lines(list(filter(None, found)), size[0] / size[1])
    ]
    yield {"kind": "places", "size": size, "rectangles": places[:MAX_RECTANGLES]}


def _rectangles(text: Any, start: int, end: int) -> list[tuple[float, float, float, float]]:
    """One rectangle for each part of a line in the range, in PDF units."""
    whole, _lines, place_of = read_lines(text)
    if not 0 <= start < (end := min(end, len(whole))):
        return []
    found: list[tuple[float, float, float, float]] = []
    # PDFium numbers the characters of right-to-left lines in another order than that of reading.
    for first, count in _consecutive(
        sorted(filter(lambda place: place >= 0, map(place_of, range(start, end))))
    ):
        rectangles = pdfium_c.FPDFText_CountRects(text.raw, first, count)
        found += [text.get_rect(number) for number in range(min(rectangles, MAX_RECTANGLES - len(found)))]
    return found


def _consecutive(places: list[int]) -> Iterator[tuple[int, int]]:
    """Split sorted places into consecutive ranges: the first place and the count of each."""
    first = 0
    for number in range(1, len(places) + 1):
        if number == len(places) or places[number] > places[number - 1] + 1:
            yield places[first], places[number - 1] - places[first] + 1
            first = number


def _on_page(page: Any, rectangle: tuple[float, float, float, float]) -> Rectangle:
    """Convert to shares of the rendered page, or to an empty list if the rectangle lies outside."""
    left, bottom, right, top = rectangle
    corners = [_to_device(page, x, y) for x, y in ((left, bottom), (right, top))]
    (x1, x2), (y1, y2) = (
        sorted(min(1.0, max(0.0, value)) for value in side) for side in zip(*corners, strict=True)
    )
    return [x1, y1, x2 - x1, y2 - y1] if x2 - x1 > 1e-5 and y2 - y1 > 1e-5 else []


def _to_device(page: Any, x: float, y: float) -> tuple[float, float]:
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDF_PageToDevice(page.raw, 0, 0, DEVICE_UNITS, DEVICE_UNITS, 0, x, y, across, down)
    return across.value / DEVICE_UNITS, down.value / DEVICE_UNITS
