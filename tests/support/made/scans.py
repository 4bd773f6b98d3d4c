"""Scans made for one test each: a picture of the handbook's page, turned, cut, stamped or under a password."""

import io
import struct
import zlib

import pypdf

from tests.support.made.pdfs import SAMPLES

SCAN = SAMPLES / "handbook-scan.pdf"


def turned(rotation, crop=None):
    """The handbook's scan with /Rotate, and cut to a crop box in shares of the page: left, bottom, right, top."""
    writer = pypdf.PdfWriter(clone_from=str(SCAN))
    page = writer.pages[0]
    if crop:
        width, height = float(page.mediabox.width), float(page.mediabox.height)
        left, bottom, right, top = crop
        page.cropbox = pypdf.generic.RectangleObject(
            (left * width, bottom * height, right * width, top * height)
        )
    if rotation:
        page.rotate(rotation)
    return written(writer)


def upside_down():
    """The page itself lies upside down, and nothing in the file says so."""
    writer = pypdf.PdfWriter(clone_from=str(SCAN))
    page = writer.pages[0]
    width, height = float(page.mediabox.width), float(page.mediabox.height)
    page.add_transformation(pypdf.Transformation().rotate(180).translate(width, height))
    return written(writer)


def several(count, password=""):
    writer = pypdf.PdfWriter()
    for _ in range(count):
        writer.append(str(SCAN))
    if password:
        writer.encrypt(password, algorithm="AES-256")
    return written(writer)


def written(writer):
    with io.BytesIO() as file:
        writer.write(file)
        return file.getvalue()


def grey_picture(width, height, pixels):
    """A content stream that draws these grey pixels over a whole page of 595 by 842 points."""
    packed = zlib.compress(pixels).hex().encode()
    return b"q 595 0 0 842 0 0 cm BI /W %d /H %d /CS /G /BPC 8 /F [/AHx /Fl] ID %s> EI Q" % (
        width, height, packed,
    )  # fmt: skip


def read_png(picture):
    """Width, height, whether it is grey, and the rows of a PNG."""
    width, height, _depth, kind = struct.unpack(">IIBB", picture[16:26])
    at, packed = 8, b""
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        packed += picture[at + 8 : at + 8 + length] if picture[at + 4 : at + 8] == b"IDAT" else b""
        at += length + 12
    rows, step = zlib.decompress(packed), 1 + width * (1 if kind == 0 else 3)
    return width, height, kind == 0, [rows[n * step + 1 : (n + 1) * step] for n in range(height)]
