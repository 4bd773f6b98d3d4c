"""The output of OCR engines, and where its words are marked on the page image."""

import re
import subprocess
from xml.etree import ElementTree

import pytest
from django.urls import reverse

from documents import page_images
from documents.extraction.ocr.merge import has_new_words, missing_lines
from documents.extraction.ocr.rapidocr_engine import MAX_PIXELS, Box, parameters, to_tsv
from documents.extraction.ocr.result import MAX_PLACES, MAX_TEXT_LENGTH, parse_tsv, rectangles_of
from documents.extraction.render.client import render_page
from documents.extraction.render.png import png
from documents.models import Page
from tests.support.factories import make_document
from tests.support.made.scans import SCAN, read_png, turned, upside_down
from tests.support.ocr import needs_tesseract

HEAD = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
SHEET = "1\t1\t0\t0\t0\t0\t0\t0\t1000\t2000\t-1\t"


def row(text, *, line=1, paragraph=1, left=100, top=100, width=100, height=20, confidence=95.0):
    return f"5\t1\t1\t{paragraph}\t{line}\t1\t{left}\t{top}\t{width}\t{height}\t{confidence}\t{text}"


def table(*rows):
    return "\n".join([HEAD, SHEET, *rows])


def test_words_lines_and_paragraphs_come_with_their_places():
    found = parse_tsv(
        table(row("The"), row("lamp", left=250), row("burns", line=2, top=130), row("Next", paragraph=2))
    )
    assert found.text == "The lamp\nburns\n\nNext"
    assert found.places[1] == [4, 8, 2500, 500, 3500, 600]
    assert [found.text[start:end] for start, end, *_ in found.places] == ["The", "lamp", "burns", "Next"]
    assert found.is_text


def test_chinese_words_stand_without_a_space_between_them():
    assert parse_tsv(table(row("灯塔"), row("很高"), row("in"), row("1911"))).text == "灯塔很高 in 1911"


def test_a_word_that_was_guessed_is_left_out_and_a_page_of_them_is_no_text():
    found = parse_tsv(table(row("lighthouse"), row("—;", confidence=3.0)))
    assert (found.text, found.is_text) == ("lighthouse", True)
    assert not parse_tsv(table(row("jo"), row("poried", confidence=10.0), row("sya", confidence=0.0))).is_text


@pytest.mark.parametrize(
    "output",
    [
        "",
        "no table",
        "5\t1\t1",
        table(row(" ")),
        table(row("x", left="nan")).replace(SHEET, ""),
        table(row("word", left="far")),
        SHEET.replace("1000\t2000", "0\t0") + "\n" + row("word"),
    ],
)
def test_what_is_no_table_of_words_is_no_text(output):
    assert parse_tsv(output).text == ""


def test_what_a_program_says_is_bounded_and_can_be_stored():
    found = parse_tsv(
        table(
            *[row("w" * 60) for _ in range(MAX_PLACES + 50)],
            row("a\0b\ud800c", left=-50, top=-9, width=10**9, height=10**9),
        )
    )
    assert len(found.text) <= MAX_TEXT_LENGTH
    assert len(found.places) <= MAX_PLACES
    found = parse_tsv(
        table(row("a\0b\ud800c", left=-50, top=-9, width=10**9, height=10**9), row("far", left=10**7))
    )
    assert found.text == "a b c far"
    assert found.places == [[0, 5, 0, 0, 10_000, 10_000]]


def test_a_range_over_words_of_two_lines_is_marked_with_a_rectangle_on_each():
    found = parse_tsv(table(row("The"), row("lamp", left=220), row("burns", line=2, top=140)))
    marked = rectangles_of(found.places, [(0, 14)], 0.5)
    assert [[round(side, 3) for side in place[:3:2]] for place in marked] == [[0.1, 0.22], [0.1, 0.1]]
    assert rectangles_of(found.places, [(4, 6)], 0.5)[0][2] == pytest.approx(0.05)  # half of its letters
    assert rectangles_of(found.places, [(20, 30)], 0.5) == []


def test_rapidocrs_lines_are_told_in_the_same_way():
    found = parse_tsv(to_tsv([Box(100, 100, 600, 140, "The lamp\tburns", 0.98)], 2000, 1000))
    assert found.text == "The lamp burns"
    (marked,) = rectangles_of(found.places, [(4, 8)], 0.5)
    assert 0.2 < marked[0] < 0.3  # about where the word stands in its line
    assert found.is_text


@pytest.mark.parametrize("size", [(1697, 2400), (2400, 1697), (2400, 2400), (3300, 90), (40, 3300), (1, 1)])
def test_lines_are_looked_for_in_a_picture_that_fits_into_memory_whatever_its_shape(size):
    width, height = size
    given = parameters(png(bytes(width * height), width, height, is_grey=True))
    side = given["Det.limit_side_len"]
    scale = min(1, given["Global.max_side_len"] / max(size), side / max(size))
    assert given["Det.limit_type"] == "max"  # never made larger
    assert 0 < side <= given["Global.max_side_len"]
    assert width * scale * height * scale <= MAX_PIXELS


def test_a_pages_own_text_is_kept_where_its_picture_says_no_more():
    assert not has_new_words("Annual report 2023 Harbour board", "Annual report 2023\nHarbour board")
    assert has_new_words("Dear Sir, the lamp has burnt since Monday.", "Received 12 March 2024")
    assert (
        missing_lines("Received 12 March 2024\nFile 7/331", "Dear Sir, received 12 march 2024 your letter")
        == "File 7/331"
    )


# In the picture itself


def cut(picture, box, margin=3):
    """The rectangle of a picture by itself, with white around it, for tesseract to read."""
    width, height, is_grey, rows = read_png(picture)
    rows = [row[:: 1 if is_grey else 3] for row in rows]
    left, top = int(box[0] * width) - margin, int(box[1] * height) - margin
    right, bottom = int((box[0] + box[2]) * width) + margin, int((box[1] + box[3]) * height) + margin
    inside = [bytes(rows[y][max(left, 0) : right]) for y in range(max(top, 0), min(bottom, height))]
    empty = [b"\xff" * (len(inside[0]) + 80)] * 40
    return [*empty, *(b"\xff" * 40 + row + b"\xff" * 40 for row in inside), *empty]


def turned_back(rows, rotation):
    for _ in range(rotation // 90):  # each anticlockwise
        rows = [bytes(column) for column in zip(*rows, strict=True)][::-1]
    return rows


def read_line(rows):
    picture = b"P5 %d %d 255\n" % (len(rows[0]), len(rows)) + b"".join(rows)
    done = subprocess.run(
        ["tesseract", "stdin", "stdout", "--psm", "6", "--dpi", "200"],
        input=picture,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().split()


def boxes(response):
    return [
        [float(box.get(name)) for name in ("x", "y", "width", "height")]
        for box in ElementTree.fromstring(response.content).iter("{http://www.w3.org/2000/svg}rect")
    ]


@needs_tesseract
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("content", "rotation"),
    [
        (SCAN.read_bytes(), 0),
        (turned(90), 90),
        (turned(270, crop=(0.05, 0.3, 0.95, 1)), 270),
        (upside_down(), 180),
    ],
    ids=["upright", "on its side", "on its side and cropped", "upside down"],
)
def test_words_of_a_scan_are_marked_where_they_stand(
    alice, client, work, tmp_path, settings, content, rotation
):
    """The picture is cut to the box, and what is read there are the words."""
    settings.OCR = True
    document = make_document(alice, content, name="scan.pdf")
    work()
    work()
    client.force_login(alice)
    text = client.get(
        reverse("documents:page", args=[document.pk, 1]), {"q": "visitors from Wednesday"}
    ).content.decode()
    (marks,) = re.findall(r'class="page-marks"\s+src="([^"]+)"', text)
    found = boxes(client.get(marks.replace("&amp;", "&")))

    path = tmp_path / "scan.pdf"
    path.write_bytes(content)
    picture = render_page(path, 1, 1600)
    (box,) = found
    assert read_line(turned_back(cut(picture, box), rotation)) == ["visitors", "from", "Wednesday"]


@pytest.mark.django_db
def test_marks_in_a_scan_open_no_file(alice, monkeypatch):
    document = make_document(alice, SCAN.read_bytes(), name="scan.pdf")
    version = document.newest
    page = Page.objects.create(
        version=version,
        number=1,
        text="The lamp",
        start=0,
        runs=[[0, 0, 8]],
        ocr_text="The lamp",
        word_places=[[0, 3, 1000, 500, 2000, 600], [4, 8, 2500, 500, 3500, 600]],
        report={"engine": "tesseract", "size": [595, 842]},
    )
    version.file.storage.delete(version.file.name)
    places = page_images.marks(page, [(4, 8)])
    assert places.size == (595, 842)
    assert [place[0] for place in places.rectangles] == [0.25]
    assert page_images.marks(page, [(90, 95)]) is None
