"""Page images, and the places of words on them."""

import re
import threading
import time
from xml.etree import ElementTree

import pytest
from django.core.cache import cache
from django.urls import reverse

from documents import page_images
from documents.extraction import UnreadableFile
from documents.extraction.render import client as rendering
from documents.extraction.render.client import RendererBusy, locate_text, render_page
from documents.extraction.render.png import png
from documents.models import Page
from tests.support.factories import make_document
from tests.support.factories import make_pdf as upload_pdf
from tests.support.made.pdfs import SAMPLES, bomb, encrypted, endless_forms, make_pdf, text_content
from tests.support.made.scans import read_png

HANDBOOK = (SAMPLES / "handbook.pdf").resolve()


@pytest.fixture
def handbook(alice):
    document = upload_pdf("handbook.pdf", alice)
    document.index()
    return document


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


def image(document, number=1):
    return reverse("documents:page_image", args=[document.pk, number])


def boxes(response):
    return [
        [float(box.get(name)) for name in ("x", "y", "width", "height")]
        for box in ElementTree.fromstring(response.content).iter("{http://www.w3.org/2000/svg}rect")
    ]


def test_a_png_holds_its_pixels():
    assert read_png(png(b"\x00\x80\xff\x10", 2, 2, is_grey=True)) == (2, 2, True, [b"\x00\x80", b"\xff\x10"])


def test_a_page_of_black_letters_is_painted_grey_and_as_wide_as_asked():
    width, height, is_grey, rows = read_png(render_page(HANDBOOK, 1, 800))
    assert (width, is_grey) == (800, True)
    assert abs(height / width - 595.28 / 419.53) < 0.01
    assert any(min(row) < 60 for row in rows)


def test_a_page_with_a_colour_keeps_it(tmp_path):
    path = make_pdf(tmp_path / "red.pdf", [b"1 0 0 rg 0 0 595 842 re f"])
    _width, _height, is_grey, rows = read_png(render_page(path, 1, 800))
    assert not is_grey
    assert rows[5][:3] == b"\xff\x00\x00"


def test_an_endless_page_is_rendered_small(tmp_path):
    path = tmp_path / "long.pdf"
    path.write_bytes(
        make_pdf(tmp_path / "a.pdf", [["x"]]).read_bytes().replace(b"0 0 595 842", b"0 0 10 14400")
    )
    width, height, *_ = read_png(render_page(path, 1, 1600))
    assert width * height <= 9_000_000


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_words_are_marked_where_they_stand_on_a_page_that_is_turned_and_cut(tmp_path, rotation):
    """The picture itself is asked: the box has ink in it, and the paper around it has none."""
    path = tmp_path / "turned.pdf"
    whole = make_pdf(tmp_path / "a.pdf", [text_content(["Lighthouse"], size=40, left=200, top=500)])
    turned = b"/MediaBox[0 0 595 842]/CropBox[100 200 495 800]/Rotate %d" % rotation
    path.write_bytes(whole.read_bytes().replace(b"/MediaBox[0 0 595 842]", turned))
    width, height, _grey, rows = read_png(render_page(path, 1, 800))
    (box,) = locate_text(path, 1, [(0, 10)]).rectangles
    left, top, right, bottom = (
        box[0] * width, box[1] * height, (box[0] + box[2]) * width, (box[1] + box[3]) * height,
    )  # fmt: skip
    dark = [(x, y) for y, row in enumerate(rows) for x, pixel in enumerate(row) if pixel < 128]
    inside = [1 for x, y in dark if left - 2 <= x <= right + 2 and top - 2 <= y <= bottom + 2]
    assert dark
    assert len(inside) == len(dark)


def test_a_line_of_words_is_one_box():
    found = locate_text(HANDBOOK, 1, [(40, 120)]).rectangles
    assert 1 <= len(found) <= 4
    assert all(0 <= value <= 1 for box in found for value in box)


def test_what_cannot_be_painted_is_no_picture(tmp_path):
    locked = encrypted(
        tmp_path / "locked.pdf", SAMPLES / "crazyones.pdf", user_password="x", owner_password="y", algorithm="AES-256"
    )  # fmt: skip
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing")
    with pytest.raises(UnreadableFile, match="password"):
        render_page(locked, 1, 800)
    assert render_page(locked, 1, 800, "x")
    assert locate_text(locked, 1, [(0, 5)]) is None
    for path in (broken, tmp_path / "missing.pdf", make_pdf(tmp_path / "bomb.pdf", [bomb()])):
        assert render_page(path, 1, 800) is None
        assert locate_text(path, 1, [(0, 5)]) is None
    assert render_page(HANDBOOK, 3, 800) is None


def test_a_page_that_would_be_painted_for_ever_is_given_up(tmp_path):
    objects, resources = endless_forms()
    path = make_pdf(tmp_path / "endless.pdf", [b"/N Do"], extra=objects, resources=resources)
    started = time.monotonic()
    assert render_page(path, 1, 800) is None
    assert time.monotonic() - started < rendering.MAX_SECONDS + 5


def test_only_a_few_are_painted_at_once(monkeypatch):
    monkeypatch.setattr(rendering, "MAX_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(rendering, "_slots", rendering.RenderSlots(1))
    with rendering._slots.acquire(1), pytest.raises(RendererBusy):
        render_page(HANDBOOK, 1, 800, person=2)
    assert render_page(HANDBOOK, 1, 800)


def test_one_person_has_one_painter_and_leaves_the_other_to_others(monkeypatch):
    monkeypatch.setattr(rendering, "MAX_WAIT_SECONDS", 0.05)
    slots = rendering.RenderSlots(2)
    with slots.acquire(1):
        with pytest.raises(RendererBusy), slots.acquire(1):
            pass
        with slots.acquire(2):
            assert slots.active == [1, 2]


def test_who_had_a_turn_just_now_lets_others_go_first():
    slots, order = rendering.RenderSlots(1), []

    def wait_for(person):
        with slots.acquire(person):
            order.append(person)

    threads = [threading.Thread(target=wait_for, args=(person,)) for person in (1, 1, 2)]
    with slots.acquire(1):
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while len(slots.waiting) < number:
                time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    assert order == [2, 1, 1]


# What the site makes of them


def test_a_page_image_is_not_cached_by_others(alices, handbook):
    response = alices.get(image(handbook), {"width": "1600"})
    assert response["Content-Type"] == "image/png"
    assert read_png(response.content)[0] == 1600
    assert response["Cache-Control"] == "private, no-cache"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox")
    assert (
        alices.get(
            image(handbook), {"width": "1600"}, headers={"If-None-Match": response["ETag"]}
        ).status_code
        == 304
    )


@pytest.mark.parametrize("query", [{"width": "801"}, {"width": "999999999"}, {"version": "7"}])
def test_only_two_widths_and_versions_that_there_are(alices, handbook, query):
    assert alices.get(image(handbook), query).status_code == 404


def test_page_images_of_another_person_are_not_shown(client, bob, handbook):
    client.force_login(bob)
    assert client.get(image(handbook)).status_code == 404
    assert (
        client.get(reverse("documents:page_marks", args=[handbook.pk, 1]), {"at": "0-9"}).status_code == 404
    )


def test_a_page_is_painted_once_and_then_found_until_the_document_is_deleted(
    alices, handbook, monkeypatch, django_capture_on_commit_callbacks
):
    painted = []
    monkeypatch.setattr(page_images, "render_page", lambda *asked, **who: painted.append(asked) or b"picture")
    for _ in range(3):
        assert alices.get(image(handbook)).content == b"picture"
    assert len(painted) == 1
    name = page_images._name(handbook.serving, 1, 800)
    assert page_images._cached(name)
    with django_capture_on_commit_callbacks(execute=True):
        handbook.delete()
    assert page_images._cached(name) is None


def test_cached_page_images_stay_within_their_slots():
    for number in range(3 * page_images.SLOTS):
        page_images._store(f"1-{number}-800-1", "x")
    redis = cache._cache.get_client(None)
    assert len(list(redis.scan_iter(match="*page-image*"))) <= page_images.SLOTS


def test_a_page_that_cannot_be_painted_says_so_in_its_place(alices, alice, handbook):
    handbook.serving.file.storage.delete(handbook.serving.file.name)
    response = alices.get(image(handbook))
    assert response.status_code == 404
    assert "cannot be shown as an image" in response.text
    assert response["Content-Type"] == "image/svg+xml"
    assert alices.get(handbook.get_absolute_url()).status_code == 200


def test_when_too_many_are_painted_the_page_says_so(alices, handbook, monkeypatch):
    def busy(*asked, **who):
        raise RendererBusy

    monkeypatch.setattr(page_images, "render_page", busy)
    response = alices.get(image(handbook))
    assert response.status_code == 503
    assert response["Retry-After"]


def test_a_text_has_no_pictures(alices, alice):
    document = make_document(alice)
    document.index()
    assert alices.get(image(document)).status_code == 404
    assert "<figure" not in alices.get(document.get_absolute_url()).text


def test_a_range_of_cleaned_text_is_marked_on_the_page(alices, handbook):
    page = Page.objects.get(version=handbook.serving, number=1)
    start = page.text.index("Members")
    address = reverse("documents:page_marks", args=[handbook.pk, 1])
    found = boxes(alices.get(address, {"at": [f"{start}-{start + 7}", "0-13"]}))
    assert len(found) == 2
    (members, heading) = found
    seen = alices.get(address, {"at": "0-13"})["ETag"]
    assert alices.get(address, {"at": "0-13"}, headers={"If-None-Match": seen}).status_code == 304
    assert alices.get(address, {"at": "0-12"}, headers={"If-None-Match": seen}).status_code == 200
    assert members[0] > 0.5 > heading[0]  # the second column, and the first
    assert members[1] > heading[1]
    for nonsense in ("5-2", "x-y", "99999999-999999999", ""):
        assert boxes(alices.get(address, {"at": nonsense})) == []


def test_what_pypdf_read_is_shown_without_marks(alices, handbook):
    Page.objects.filter(version=handbook.serving).update(report={"engine": "pypdf"})
    assert boxes(alices.get(reverse("documents:page_marks", args=[handbook.pk, 1]), {"at": "0-13"})) == []
    assert alices.get(image(handbook)).status_code == 200


def test_the_page_image_is_beside_its_text_with_matches_marked(alices, handbook):
    text = alices.get(reverse("documents:page", args=[handbook.pk, 2]), {"q": "ticket"}).text
    (marks,) = re.findall(r'class="page-marks"\s+src="([^"]+)"', text)
    assert len(boxes(alices.get(marks.replace("&amp;", "&")))) == 1
    assert "style=" not in text
