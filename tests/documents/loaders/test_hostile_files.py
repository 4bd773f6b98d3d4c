"""Hostile or broken files of every kind: each fails plainly, in a child process within its limits."""

import io
import random
import re
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.limits import MEMORY
from documents.extraction.registry import DOCX, EPUB, LOADERS, MAIL, ODT, PPTX, RTF, XLSX
from documents.extraction.sandbox.load import LoaderRead
from documents.extraction.sandbox.run_loader import read as read_in_child
from documents.extraction.zip_guard import Archive, read_start
from tests.support.made.files import W, archive, docx, epub, opendocument, paragraph, pptx, shape, table, xlsx

ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {new} "{10 * f"&{old};"}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


def made(kind, path):
    """A good small file of that kind."""
    makers = {
        DOCX: lambda: docx(path, paragraph("Fees", "H1") + paragraph("Ships pay 21.") + table(("a", "b"), ("c", "d"))),
        PPTX: lambda: pptx(path, shape("Fees", kind="title") + shape("Ships", "Boats", kind="body"), notes={0: "Slowly."}),
        XLSX: lambda: xlsx(path, ("Fees", [["Ticket", "Price"], ["Adult", 9]])),
        ODT: lambda: opendocument(path, "<text:h>Fees</text:h><text:list><text:list-item><text:p>x</text:p></text:list-item></text:list>"),
        EPUB: lambda: epub(path, "<h1>Fees</h1><p>Ships pay 21.</p>"),
        RTF: lambda: path.write_bytes(rb"{\rtf1{\fonttbl{\f0\fcharset204 A;}}\pard Fees {\b 21}\par\trowd a\cell\row \u8364?}"),
        MAIL: lambda: path.write_bytes(b"Subject: =?utf-8?q?F=C3=A9es?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nText.\n--b--"),
        "text/html": lambda: path.write_text("<!doctype html><h1>Fees</h1><table><tr><th>a<td>b</table><p>Ships &amp; boats"),
        "text/csv": lambda: path.write_text('Ticket;Price\n"Adult; one";9\nChild;4\n'),
        "text/markdown": lambda: path.write_text("# Fees\n\nShips pay 21.\n"),
        "text/plain": lambda: path.write_text("Ships pay 21.\n"),
    }  # fmt: skip
    makers[kind]()
    return path


KINDS = (DOCX, PPTX, XLSX, ODT, EPUB, RTF, MAIL, "text/html", "text/csv", "text/markdown", "text/plain")


def reason(path, kind):
    with pytest.raises(UnreadableFile) as caught:
        extract_pages(path, media_type=kind)
    assert str(caught.value.sentence)
    assert str(caught.value.remedy)
    return caught.value.kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_file_is_read_and_one_of_nothing_is_not(tmp_path, kind):
    path = made(kind, tmp_path / "a")
    assert extract_pages(path, media_type=kind).pages[0].text
    path.write_bytes(b"")
    assert reason(path, kind) in ("damaged", "empty")


@pytest.mark.parametrize("kind", [DOCX, PPTX, XLSX, ODT, EPUB])
def test_a_truncated_archive_is_damaged_already_when_it_is_uploaded(tmp_path, kind):
    path = made(kind, tmp_path / "a")
    path.write_bytes(path.read_bytes()[:-200])
    assert reason(path, kind) == "damaged"
    with pytest.raises(UnreadableFile) as caught:
        sniff(path.read_bytes(), "a")
    assert caught.value.kind == "damaged"


def mutated(content, seed):
    """The content with some bytes changed, cut out, doubled or moved."""
    dice = random.Random(seed)
    changed = bytearray(content)
    for _ in range(dice.randrange(1, 8)):
        at = dice.randrange(len(changed) or 1)
        length = dice.randrange(1, 40)
        match dice.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del changed[at : at + length]
            case 2:
                changed[at:at] = changed[at : at + length] * dice.randrange(1, 50)
            case 3:
                changed[at:at] = dice.choice(
                    (b"<", b">", b"&", b"\\", b"{", b"}", b"\0", b'"', b"\xff", b"9" * 30)
                )
    return bytes(changed)


def confused(content, seed):
    """Markup, still well-formed, in which elements have one another's names and attributes odd values."""
    dice = random.Random(seed)
    names = sorted(set(re.findall(rb"<([\w:]+)", content)))
    for _ in range(3):
        one, other = dice.choice(names), dice.choice(names)
        content = re.sub(rb"(</?)(?:%s)(?=[\s/>])" % one, rb"\1%s" % other, content)
    odd = (
        b"-1",
        b"999999999999",
        b"x",
        b"",
        b"../../x",
        b"A0",
        b"rId-slide_0",
        b"&#x202e;",
        b"1e400",
        "٣".encode(),
    )
    values = re.split(rb'("[^"<]*")', content)
    for at in range(1, len(values), 2):
        if dice.random() < 0.2 and not values[at].startswith((b'"http', b'"urn')):
            values[at] = b'"' + dice.choice(odd) + b'"'
    return b"".join(values)


def mutated_archive(content, seed):
    """An archive, sound as such, of which the parts are mutated."""
    dice = random.Random(seed)
    with zipfile.ZipFile(io.BytesIO(content)) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    for name in dice.sample(sorted(parts), min(3, len(parts))):
        change = dice.choice((confused, confused, mutated)) if parts[name].count(b"<") > 2 else mutated
        parts[name] = change(parts[name], dice.random())
    return archive(io.BytesIO(), parts).getvalue()


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(min_value=0))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_mutation_of_a_file_ends_in_anything_but_text_or_a_plain_failure(tmp_path, kind, seed):
    path = made(kind, tmp_path / "a")
    content = path.read_bytes()
    is_archive = content.startswith(b"PK")
    path.write_bytes(mutated_archive(content, seed) if is_archive and seed % 2 else mutated(content, seed))
    # In this process, where an error of a loader's own would have its name: only the limits are those of the child.
    for message in read_in_child(LOADERS[kind], str(path)):
        assert message.get("error", "") == ""


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        (DOCX, "word/document.xml"),
        (XLSX, "xl/workbook.xml"),
        (PPTX, "ppt/presentation.xml"),
        (ODT, "content.xml"),
    ],
)
def test_entities_are_never_expanded_nor_fetched(tmp_path, kind, part):
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    external = f'<!DOCTYPE b [<!ENTITY i SYSTEM "{secret.as_uri()}">]>'
    for prologue in (ENTITIES, external):
        path = with_part(
            made(kind, tmp_path / "a"),
            part,
            f"{prologue}<w:document {W}><w:p><w:r><w:t>&i;</w:t></w:r></w:p></w:document>",
        )
        assert reason(path, kind) == "limit"


def with_part(path, name, content):
    with zipfile.ZipFile(path) as old:
        parts = {each: old.read(each) for each in old.namelist()}
    return archive(path, parts | {name: content})


def test_elements_without_end_are_refused(tmp_path):
    assert reason(docx(tmp_path / "a", "<w:sdt>" * 100_000), DOCX) in ("limit", "damaged")


def test_an_archive_that_unpacks_to_far_more_is_refused_before_it_is_opened(tmp_path):
    path = with_part(made(DOCX, tmp_path / "a"), "word/media/x", b" " * 20_000_000)
    assert reason(path, DOCX) == "limit"


def test_more_members_than_any_document_has_are_refused(tmp_path):
    path = made(DOCX, tmp_path / "a")
    with zipfile.ZipFile(path, "a") as whole:
        for n in range(5_001):
            whole.writestr(f"word/x{n}", "")
    assert reason(path, DOCX) == "limit"


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "word/../../x", "C:\\x", "..\\x", "\\x"])
def test_names_that_lead_outside_are_refused(tmp_path, name):
    assert reason(with_part(made(DOCX, tmp_path / "a"), name, "x"), DOCX) == "damaged"


def test_a_directory_that_lies_about_sizes_unpacks_nothing_more(tmp_path):
    """It says a hundred bytes where two hundred million follow."""
    path = tmp_path / "a"
    body = "<w:p>" + " " * 3_000_000
    content = docx(path, body).read_bytes()
    with zipfile.ZipFile(path) as whole:
        size = whole.getinfo("word/document.xml").file_size
    lying = content.replace(struct.pack("<L", size), struct.pack("<L", 100))
    assert lying != content
    path.write_bytes(lying)
    assert reason(path, DOCX) == "damaged"


@pytest.mark.parametrize("length", [5 * 1024 * 1024, 0xFFFFFFF0])
def test_a_directory_beyond_measure_is_not_even_read_at_upload(tmp_path, length):
    content = made(DOCX, tmp_path / "a").read_bytes()
    at = content.rfind(b"PK\x05\x06")
    content = content[: at + 12] + struct.pack("<L", length) + content[at + 16 :]
    with pytest.raises(UnreadableFile) as caught:
        sniff(content, "a.docx")
    assert caught.value.kind == "limit"


def test_an_encrypted_member_needs_a_password(tmp_path):
    path = made(DOCX, tmp_path / "a")
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        extract_pages(path, media_type=DOCX)
    assert "needs a password" in str(caught.value.sentence)


def with_wrong_sum(path, name):
    """The member's checksum is not that of its content."""
    with zipfile.ZipFile(path) as whole:
        right = struct.pack("<L", whole.getinfo(name).CRC)
    path.write_bytes(path.read_bytes().replace(right, b"none"))
    return path


def test_one_damaged_part_does_not_cost_the_others(tmp_path):
    slides = [shape("One", kind="title"), shape("Two", kind="title") + shape("Boats"), shape("Three")]
    # The parts are numbered against their order.
    presentation = pptx(tmp_path / "a", *slides)
    cut = with_part(
        presentation,
        "ppt/slides/slide2.xml",
        zipfile.ZipFile(presentation).read("ppt/slides/slide2.xml")[:-40],
    )
    extraction = extract_pages(cut, media_type=PPTX)
    assert [page.text for page in extraction.pages] == ["One", "Two\n\nBoats", "Three"]
    assert extraction.is_partial
    extraction = extract_pages(
        with_wrong_sum(pptx(tmp_path / "b", *slides), "ppt/slides/slide3.xml"), media_type=PPTX
    )
    assert extraction.pages[-1].text == "Three"
    assert extraction.is_partial
    book = xlsx(tmp_path / "c", ("Cut", "<row><c><v>1</v></c></row><row><c><v>2</v><"), ("Whole", [["x", 3]]))
    extraction = extract_pages(book, media_type=XLSX)
    assert [page.text for page in extraction.pages] == ["Cut\n\n1", "Whole\n\nx | 3"]
    assert extraction.is_partial
    novel = with_wrong_sum(epub(tmp_path / "d", "<p>One</p>", "<p>Two</p>"), "OEBPS/text/c0 x.xhtml")
    extraction = extract_pages(novel, media_type=EPUB)
    assert [page.text for page in extraction.pages] == ["Two"]
    assert extraction.is_partial


@pytest.mark.parametrize(
    ("kind", "part"),
    [(DOCX, "word/styles.xml"), (DOCX, "word/numbering.xml"), (XLSX, "xl/styles.xml")],
)
def test_damage_to_how_a_text_looks_does_not_cost_the_text(tmp_path, kind, part):
    extraction = extract_pages(with_part(made(kind, tmp_path / "a"), part, "<cut"), media_type=kind)
    assert "Fees" in extraction.pages[0].text


def test_a_presentation_of_damaged_slides_alone_is_damaged(tmp_path):
    path = with_part(pptx(tmp_path / "a", shape("One")), "ppt/slides/slide1.xml", "<cut")
    assert reason(path, PPTX) == "damaged"
    assert reason(xlsx(tmp_path / "a", ("Cut", "<row")), XLSX) == "damaged"


@pytest.mark.slow
@pytest.mark.parametrize("kind", [DOCX, "text/html"])
def test_the_largest_files_are_read_within_the_limits_or_refused(tmp_path, kind):
    path = tmp_path / "a"
    dice = random.Random(1)
    words = [f"word{dice.randrange(10**6)}" for _ in range(200_000)]
    if kind == DOCX:
        docx(path, "".join(paragraph(" ".join(words[n : n + 40])) for n in range(0, 200_000, 10)))
    else:
        path.write_text("".join(f"<p>{' '.join(words[n : n + 40])}</p>" for n in range(0, 200_000, 10)))
    reading = LoaderRead(LOADERS[kind], path)
    assert reading.run() == ""
    assert reading.peak_memory < MEMORY
    assert reading.used_cpu < 20


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_at_one_go_is_not_unpacked(method):
    """A kilobyte of bzip2 would otherwise fill gigabytes, in the web process, whatever its directory promises."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", "<office:document-content/>")
    with pytest.raises(UnreadableFile) as refused:
        Archive(io.BytesIO(packed.getvalue()))
    assert refused.value.kind == "unsupported"
    assert read_start(io.BytesIO(packed.getvalue()), "mimetype", 100) == b""
