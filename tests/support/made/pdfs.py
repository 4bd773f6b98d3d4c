"""PDFs made for one test each, without a library, so that they may be as broken as the test needs."""

import io
import zlib
from functools import cache
from pathlib import Path

import pypdf

SAMPLES = Path(__file__).parents[2] / "files"


def make_pdf(path, pages, *, title="", fields=(), fonts=b"", resources=b"", extra=None):
    """A PDF of pages; a page is its content stream (bytes), lines of text, or a pair of filters and raw stream."""
    objects = {1: b"<</Type/Catalog/Pages 2 0 R" + _form(fields, len(pages)) + b">>"}
    objects[3] = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    kids = []
    for number, page in enumerate(pages):
        here = 10 + 2 * number
        kids.append(b"%d 0 R" % here)
        annotations = b"/Annots[%s]" % _widgets(fields, len(pages)) if number == 0 and fields else b""
        objects[here] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R%s>>%s>>/Contents %d 0 R%s>>"
            % (fonts, resources, here + 1, annotations)
        )
        objects[here + 1] = _stream(page)
    objects[2] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(pages), b" ".join(kids))
    if title:
        objects[4] = b"<</Title(%s)>>" % title.encode()
    for number, (name, value) in enumerate(fields):
        objects[10 + 2 * len(pages) + number] = (
            b"<</Type/Annot/Subtype/Widget/FT/Tx/T(%s)/V(%s)/Rect[100 100 200 120]/P 10 0 R>>"
            % (name.encode(), value.encode())
        )
    objects |= extra or {}
    path.write_bytes(_file(objects, b"/Info 4 0 R" if title else b""))
    return path


def text_content(lines, *, size=11, left=72, top=770, spacing=1.3):
    """A content stream with one line of text under the other."""
    shown = [
        b"(%s) Tj T*"
        % line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        for line in lines
    ]
    return b"BT /F1 %d Tf %d TL %d %d Td %s ET" % (size, round(size * spacing), left, top, b" ".join(shown))


@cache
def bomb():
    """A gibibyte of blanks behind two filters, in a few kilobytes."""
    blanks, times = b" " * 2**20, 1024
    stream = zlib.compressobj(9)
    # After a full flush a stream begins anew: each mebibyte but the first is packed into the same bytes.
    first, other = (stream.compress(blanks) + stream.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    packed = first + other * (times - 1) + stream.flush()[:-4] + adler32_of_blanks(times * len(blanks))
    return b"/Filter[/FlateDecode/FlateDecode]", zlib.compress(packed, 9)


def adler32_of_blanks(count):
    """The checksum with which zlib ends a stream of so many blanks."""
    low, high = 1 + count * ord(" "), count + ord(" ") * count * (count + 1) // 2
    return (high % 65521 << 16 | low % 65521).to_bytes(4, "big")


def endless_forms(levels=30, first=1000):
    """Objects and a page's resources: forms that draw the next one twice each, two to the power of `levels`."""
    objects = {}
    for level in range(levels):
        draw = b"/N Do /N Do" if level + 1 < levels else b"0 0 9 9 re f"
        below = b"/Resources<</XObject<</N %d 0 R>>>>" % (first + level + 1) if level + 1 < levels else b""
        objects[first + level] = (
            b"<</Type/XObject/Subtype/Form/BBox[0 0 600 850]%s/Length %d>>\nstream\n%s\nendstream"
            % (below, len(draw), draw)
        )
    return objects, b"/XObject<</N %d 0 R>>" % first


def encrypted(path, source, **options):
    """A copy of a PDF under passwords."""
    writer = pypdf.PdfWriter(clone_from=str(source))
    writer.encrypt(**options)
    writer.write(path)
    return path


def with_attachment(path, source, name, content=b"attached"):
    writer = pypdf.PdfWriter(clone_from=str(source))
    writer.add_attachment(name, content)
    with io.BytesIO() as made:
        writer.write(made)
        path.write_bytes(made.getvalue())
    return path


def _stream(page):
    if isinstance(page, tuple):
        filters, raw = page
    else:
        filters, raw = b"", page if isinstance(page, bytes) else text_content(page)
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(raw), filters, raw)


def _form(fields, pages):
    return b"/AcroForm<</Fields[%s]>>" % _widgets(fields, pages) if fields else b""


def _widgets(fields, pages):
    return b" ".join(b"%d 0 R" % (10 + 2 * pages + number) for number in range(len(fields)))


def _file(objects, trailer):
    body, places = b"%PDF-1.7\n", {}
    for number, content in sorted(objects.items()):
        places[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    count = max(places) + 1
    table = b"".join(
        b"%010d 00000 n \n" % places[n] if n in places else b"0000000000 65535 f \n" for n in range(count)
    )
    return body + b"xref\n0 %d\n%strailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        count,
        table,
        count,
        trailer,
        len(body),
    )
