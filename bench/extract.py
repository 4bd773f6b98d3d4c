"""How fast PDFs become clean text: pages per second and core, memory, and what is left to mend.

python bench/extract.py [--pages 1000] [--rounds 3] [FILE ...]

Speed is CPU time of worker and readers together, the least of all rounds, since a busy machine only adds to it; for long
documents also beside what PDFium alone takes for their text. Memory is what a document adds to a worker's, and all of its
reader's.
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
from documents.ingestion.document_text import PageText, join_pages, page_starts
from documents.ingestion.splitter import split_pages
from tests.support.made_report import HEADER, make_report

SAMPLES = PROJECT / "tests" / "files"
LONG_ONES = ("handbook", "outline-broken-targets", "table-schools")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--pages", type=int, default=1000, help="length of the long documents made from samples"
    )
    arguments.add_argument("--rounds", type=int, default=3, help="times that each file is read")
    arguments.add_argument("--memory", action="store_true", help="tell the memory of the first file alone")
    arguments.add_argument("files", nargs="*", type=Path)
    options = arguments.parse_args()
    start_fork_server()
    if options.memory:
        tell_memory(options.files[0])
        return
    if not options.files:
        report_recognition()  # first: its memory is the most of any process that has ended until then
    print(f"{'file':34}{'pages':>7}{'worker s':>10}{'reader s':>10}{'pages/s':>9}{'reader MB':>11}")
    for path in options.files or sorted(SAMPLES.glob("*.pdf")):
        measure(path, path.name, options.rounds)
    if not options.files:
        with tempfile.TemporaryDirectory() as folder:
            report_long_ones(options.pages, options.rounds, Path(folder))
        report_handbook()
        report_pictures()


def report_long_ones(pages: int, rounds: int, folder: Path) -> None:
    """Of long documents speed and memory, and of the one whose text is known what became of it."""
    for name in LONG_ONES:
        path = repeated(SAMPLES / f"{name}.pdf", pages, folder)
        measure(path, f"{name} x {pages}", rounds, is_long=True)
    made = folder / "report.pdf"
    paragraphs, rows = make_report(made, pages)
    measure(made, f"made report, two columns, {pages}", rounds, is_long=True)
    paragraphs_of(extract_pages(made, media_type="application/pdf"), "made report", paragraphs, rows, HEADER)


def measure(path: Path, name: str, rounds: int, is_long: bool = False) -> None:
    """One line: CPU seconds of this process and of the readers, pages per second of both together."""
    found = []
    for _ in range(rounds):
        started = time.process_time()
        reading = PdfRead(path)
        try:
            reading.run()
            pages, failure = len(reading.extraction().pages), ""
        except UnreadableFile as error:
            pages, failure = 0, error.kind
        worker = time.process_time() - started
        found.append((worker, reading.used_cpu, floor_of(path) if is_long else 0.0))
    worker, reader, floor = map(min, zip(*found, strict=True))
    memory = reading.peak_memory / 2**20
    speed = f"{pages / (worker + reader):9.0f}" if pages else f"{failure:>9}"
    print(f"{name:34}{pages:7}{worker:10.2f}{reader:10.2f}{speed}{memory:11.0f}")
    if is_long:
        print(f"  {(worker + reader) / floor:.1f} times the CPU of PDFium alone")
        command = [sys.executable, __file__, "--memory", str(path)]
        print("  " + subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def floor_of(path: Path) -> float:
    """CPU seconds that PDFium alone takes to give the text of all pages: no extraction by it can be faster."""
    import pypdfium2  # here, as pypdf below

    started = time.process_time()
    document = pypdfium2.PdfDocument(path)
    for page in document:
        page.get_textpage().get_text_range()
    return time.process_time() - started


def tell_memory(path: Path) -> None:
    """What this process grows by, and the peaks of fork server and reader, which share most of theirs."""
    before = peak_memory()
    reading = PdfRead(path)
    reading.run()
    reading.extraction()
    grown = peak_memory() - before
    reader = reading.peak_memory / 2**20
    print(
        f"the worker grew by {grown:.0f} MB, its reader's peak was {reader:.0f} MB: {grown + reader:.0f} MB"
    )


def peak_memory() -> float:
    """Of this process in MB; what getrusage() tells began with the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def repeated(path: Path, pages: int, folder: Path) -> Path:
    """The sample over and over, as a document of so many pages."""
    import pypdf  # here, so that it is not in the memory that is measured

    source, writer = pypdf.PdfReader(path), pypdf.PdfWriter()
    while len(writer.pages) < pages:
        for page in source.pages:
            writer.add_page(page)
    made = folder / path.name
    writer.write(made)
    return made


def report_handbook() -> None:
    extraction = extract_pages(SAMPLES / "handbook.pdf", media_type="application/pdf")
    paragraphs = [line for line in (SAMPLES / "handbook.txt").read_text().splitlines() if line]
    paragraphs_of(extraction, "handbook", paragraphs, [], "Visitor handbook")


def paragraphs_of(
    extraction: Extraction, name: str, paragraphs: list[str], rows: list[str], header: str
) -> None:
    """How much of a document in two columns is found word for word, and what is left of headers and footers in its chunks."""
    text = "\n\n".join(page.text for page in extraction.pages)
    starts = page_starts(
        [page.text for page in extraction.pages],
        {place for place, page in enumerate(extraction.pages) if page.goes_on},
    )
    joined = join_pages(
        PageText(page.number, page.text, start) for page, start in zip(extraction.pages, starts, strict=True)
    )
    found, over_pages = (sum(paragraph in t for paragraph in paragraphs) for t in (text, joined))
    running = sum(len(re.findall(rf"{header}|Page \d+ of", chunk)) for chunk in chunks_of(extraction))
    print(
        f"{name} (two columns): {found} of {len(paragraphs)} paragraphs word for word ({found / len(paragraphs):.0%}),"
        f" {over_pages / len(paragraphs):.0%} with those that go on over the page,"
        f" {sum(row in text.splitlines() for row in rows)} of {len(rows)} rows of tables,"
        f" {running} running header or footer lines left in chunks"
    )


def chunks_of(extraction: Extraction) -> list[str]:
    texts = [page.text for page in extraction.pages]
    pages = [PageText(n, *page) for n, page in enumerate(zip(texts, page_starts(texts), strict=True), 1)]
    return [chunk.text for chunk in split_pages(pages, FourCharacters(), tokens=500, overlap=50)]


class FourCharacters:
    """About what a token is; a real tokenizer would not cut elsewhere for the better."""

    def count(self, text: str) -> int:
        return len(text) // 4 + 1


def report_recognition() -> None:
    """What text in the picture of a page costs, with the program that is installed."""
    if not engines.engine():
        print("text in pictures: neither tesseract nor rapidocr is installed")
        return
    picture = render_page((SAMPLES / "handbook-scan.pdf").resolve(), 1, 1692)
    assert picture
    found = engines.ocr_page(picture, languages="eng", seconds=600)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = (SAMPLES / "handbook.txt").read_text().split()
    read = set(found.text.replace("-\n", "").split())  # words broken at line ends
    print(
        f"text in the picture of a page, by {engines.engine()}: {used.ru_utime + used.ru_stime:.1f} s of CPU,"
        f" {used.ru_maxrss / 1024:.0f} MB; {len(read & set(words)) / len(read):.0%} of its words are the document's"
    )


def report_pictures() -> None:
    """What a reader waits for: a page painted, and words found on it, the fork of the child included."""
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
        print(f"page picture, {what}: {100 * (time.perf_counter() - started):.0f} ms{size}")


if __name__ == "__main__":
    main()
