"""Measure PDF extraction: pages per second and core, memory, and the quality of the text.

python bench/extract.py [--pages 1000] [--rounds 3] [FILE ...]

Speed is the CPU time of the worker and the sandboxed readers together, the minimum of all rounds because load on the
machine only adds to it; for long documents also as a ratio to PDFium alone. Memory is the growth of the worker plus the
reader's peak.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from documents.extraction import Extraction, UnreadableFile, extract_pages, start_fork_server
from documents.extraction.ocr import engines
from documents.extraction.pdf.loader import PdfRead
from documents.extraction.render.client import locate_text, render_page
from documents.ingestion.splitter import split_pages
from documents.structure.document_text import PageText, join_pages, page_starts
from tests.support.made.report import HEADER, make_report

SAMPLES = PROJECT / "tests" / "files"
LONG_SAMPLES = ("handbook", "outline-broken-targets", "table-schools")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--pages", type=int, default=1000, help="length of the long documents made from samples"
    )
    arguments.add_argument("--rounds", type=int, default=3, help="how many times each file is read")
    arguments.add_argument("--memory", action="store_true", help="report only the memory of the first file")
    arguments.add_argument("files", nargs="*", type=Path)
    options = arguments.parse_args()
    start_fork_server()
    if options.memory:
        report_memory(options.files[0])
        return
    if not options.files:
        report_ocr()  # first, because RUSAGE_CHILDREN reports the maximum of all children so far
    print(f"{'file':34}{'pages':>7}{'worker s':>10}{'reader s':>10}{'pages/s':>9}{'reader MB':>11}")
    for path in options.files or sorted(SAMPLES.glob("*.pdf")):
        measure(path, path.name, options.rounds)
    if not options.files:
        with tempfile.TemporaryDirectory() as folder:
            report_long_documents(options.pages, options.rounds, Path(folder))
        report_handbook()
        report_page_images()


def report_long_documents(pages: int, rounds: int, folder: Path) -> None:
    """Report speed and memory for long documents, and text quality for the generated one, whose text is known."""
    for name in LONG_SAMPLES:
        path = repeated(SAMPLES / f"{name}.pdf", pages, folder)
        measure(path, f"{name} x {pages}", rounds, is_long=True)
    path = folder / "report.pdf"
    paragraphs, rows = make_report(path, pages)
    measure(path, f"generated report, two columns, {pages}", rounds, is_long=True)
    extraction = extract_pages(path, media_type="application/pdf")
    report_quality(extraction, "generated report", paragraphs, rows, HEADER)


def measure(path: Path, name: str, rounds: int, is_long: bool = False) -> None:
    """Print CPU seconds of the worker and the readers, and pages per second of both together."""
    timings = []
    for _ in range(rounds):
        started = time.process_time()
        reading = PdfRead(path)
        try:
            reading.run()
            pages, failure = len(reading.extraction().pages), ""
        except UnreadableFile as error:
            pages, failure = 0, error.kind
        worker = time.process_time() - started
        timings.append((worker, reading.used_cpu, pdfium_seconds(path) if is_long else 0.0))
    worker, reader, floor = map(min, zip(*timings, strict=True))
    memory = reading.peak_memory / 2**20
    speed = f"{pages / (worker + reader):9.0f}" if pages else f"{failure:>9}"
    print(f"{name:34}{pages:7}{worker:10.2f}{reader:10.2f}{speed}{memory:11.0f}")
    if is_long:
        print(f"  {(worker + reader) / floor:.1f} times the CPU of PDFium alone")
        command = [sys.executable, __file__, "--memory", str(path)]
        print("  " + subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def pdfium_seconds(path: Path) -> float:
    """Return the CPU seconds that PDFium alone needs for the text of all pages, a lower bound for extraction."""
    import pypdfium2  # imported here for the same reason as pypdf below

    started = time.process_time()
    document = pypdfium2.PdfDocument(path)
    for page in document:
        page.get_textpage().get_text_range()
    return time.process_time() - started


def report_memory(path: Path) -> None:
    """Print the growth of this process and the peak of the reader, which shares most of its memory with the fork server."""
    before = peak_memory()
    reading = PdfRead(path)
    reading.run()
    reading.extraction()
    growth = peak_memory() - before
    reader = reading.peak_memory / 2**20
    print(f"worker growth {growth:.0f} MB, reader peak {reader:.0f} MB, total {growth + reader:.0f} MB")


def peak_memory() -> float:
    """Return the peak memory of this process in MB. getrusage() would include that of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def repeated(path: Path, pages: int, folder: Path) -> Path:
    """Write a document of at least `pages` pages by repeating the sample."""
    import pypdf  # imported here to keep it out of the measured memory

    source, writer = pypdf.PdfReader(path), pypdf.PdfWriter()
    while len(writer.pages) < pages:
        for page in source.pages:
            writer.add_page(page)
    copy = folder / path.name
    writer.write(copy)
    return copy


def report_handbook() -> None:
    extraction = extract_pages(SAMPLES / "handbook.pdf", media_type="application/pdf")
    paragraphs = [line for line in (SAMPLES / "handbook.txt").read_text().splitlines() if line]
    report_quality(extraction, "handbook", paragraphs, [], "Visitor handbook")


def report_quality(
    extraction: Extraction, name: str, paragraphs: list[str], rows: list[str], header: str
) -> None:
    """Print the share of exactly extracted paragraphs and rows, and the running headers and footers left in chunks."""
    text = "\n\n".join(page.text for page in extraction.pages)
    starts = page_starts(
        [page.text for page in extraction.pages],
        {place for place, page in enumerate(extraction.pages) if page.continues_paragraph},
    )
    joined = join_pages(
        PageText(page.number, page.text, start) for page, start in zip(extraction.pages, starts, strict=True)
    )
    found, found_across_pages = (sum(paragraph in t for paragraph in paragraphs) for t in (text, joined))
    running = sum(len(re.findall(rf"{header}|Page \d+ of", chunk)) for chunk in chunks_of(extraction))
    print(
        f"{name} (two columns): {found} of {len(paragraphs)} paragraphs exact ({found / len(paragraphs):.0%}),"
        f" {found_across_pages / len(paragraphs):.0%} including those across pages,"
        f" {sum(row in text.splitlines() for row in rows)} of {len(rows)} table rows,"
        f" {running} running header or footer lines left in chunks"
    )


def chunks_of(extraction: Extraction) -> list[str]:
    texts = [page.text for page in extraction.pages]
    pages = [PageText(n, *page) for n, page in enumerate(zip(texts, page_starts(texts), strict=True), 1)]
    return [chunk.text for chunk in split_pages(pages, FourCharacters(), tokens=500, overlap=50)]


class FourCharacters:
    """A stand-in tokenizer of four characters per token, which is accurate enough here."""

    def count(self, text: str) -> int:
        return len(text) // 4 + 1


def report_ocr() -> None:
    """Print the cost and accuracy of OCR for one scanned page, with the installed engine."""
    if not engines.engine():
        print("OCR: neither tesseract nor rapidocr is installed")
        return
    image = render_page((SAMPLES / "handbook-scan.pdf").resolve(), 1, 1692)
    assert image
    found = engines.ocr_page(image, languages="eng", seconds=600)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = (SAMPLES / "handbook.txt").read_text().split()
    recognized = set(found.text.replace("-\n", "").split())  # joins hyphenated words
    print(
        f"OCR of one page with {engines.engine()}: {used.ru_utime + used.ru_stime:.1f} s of CPU,"
        f" {used.ru_maxrss / 1024:.0f} MB; {len(recognized & set(words)) / len(recognized):.0%} of the words are correct"
    )


def report_page_images() -> None:
    """Print the time to render a page and to locate words on it, including the fork of the sandboxed child."""
    path = (SAMPLES / "handbook.pdf").resolve()
    for what, work in (
        ("800 pixels wide", lambda: render_page(path, 1, 800)),
        ("1600 pixels wide", lambda: render_page(path, 1, 1600)),
        ("words located", lambda: locate_text(path, 1, [(100, 300)])),
    ):
        started = time.perf_counter()
        for _ in range(10):
            found = work()
        size = f", {len(found) / 1000:.0f} kB" if isinstance(found, bytes) else ""
        print(f"page image, {what}: {100 * (time.perf_counter() - started):.0f} ms{size}")


if __name__ == "__main__":
    main()
