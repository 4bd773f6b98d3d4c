"""How fast PDFs become clean text: pages per second and core, memory, and what is left to mend.

python bench/extract.py [--pages 1000] [FILE ...]
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

import pypdf

from documents.extraction import UnreadableFile, extract_pages, start_nursery
from documents.extraction.pdf import Reading
from documents.extraction.pictures import paint_page, places_of

SAMPLES = PROJECT / "tests" / "files"
LONG_ONES = ("handbook", "outline-broken-targets", "table-schools")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--pages", type=int, default=1000, help="length of the long documents made from samples"
    )
    arguments.add_argument("files", nargs="*", type=Path)
    options = arguments.parse_args()
    start_nursery()
    print(f"{'file':34}{'pages':>7}{'worker s':>10}{'reader s':>10}{'pages/s':>9}{'reader MB':>11}")
    for path in options.files or sorted(SAMPLES.glob("*.pdf")):
        measure(path, path.name)
    if not options.files:
        with tempfile.TemporaryDirectory() as folder:
            for name in LONG_ONES:
                measure(
                    repeated(SAMPLES / f"{name}.pdf", options.pages, Path(folder)),
                    f"{name} x {options.pages}",
                )
        report_handbook()
        report_pictures()
    print(
        f"worker's peak: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB (with pypdf, for this script)"
    )


def measure(path: Path, name: str) -> None:
    """One line: CPU seconds of this process and of the readers, pages per second of both together."""
    started = time.process_time()
    reading = Reading(path, "", None)
    try:
        reading.run()
        pages, failure = len(reading.extraction().pages), ""
    except UnreadableFile as error:
        pages, failure = 0, error.kind
    worker = time.process_time() - started
    reader, memory = reading.used_cpu, reading.peak_memory / 2**20
    speed = f"{pages / (worker + reader):9.0f}" if pages else f"{failure:>9}"
    print(f"{name:34}{pages:7}{worker:10.2f}{reader:10.2f}{speed}{memory:11.0f}")


def repeated(path: Path, pages: int, folder: Path) -> Path:
    """The sample over and over, as a document of so many pages."""
    source, writer = pypdf.PdfReader(path), pypdf.PdfWriter()
    while len(writer.pages) < pages:
        for page in source.pages:
            writer.add_page(page)
    made = folder / path.name
    writer.write(made)
    return made


def report_handbook() -> None:
    pages = extract_pages(SAMPLES / "handbook.pdf", media_type="application/pdf").pages
    text = "\n\n".join(page.text for page in pages)
    paragraphs = [line for line in (SAMPLES / "handbook.txt").read_text().splitlines() if line]
    found = sum(paragraph in text for paragraph in paragraphs)
    running = sum(words in text for words in ("Visitor handbook", "Page 1 of", "Page 2 of"))
    print(
        f"handbook (two columns): {found} of {len(paragraphs)} paragraphs word for word"
        f" ({found / len(paragraphs):.0%}), {running} running header or footer lines left"
    )


def report_pictures() -> None:
    """What a reader waits for: a page painted, and words found on it, the fork of the child included."""
    path = (SAMPLES / "handbook.pdf").resolve()
    for what, work in (
        ("800 pixels wide", lambda: paint_page(path, 1, 800)),
        ("1600 pixels wide", lambda: paint_page(path, 1, 1600)),
        ("words located", lambda: places_of(path, 1, [(100, 300)])),
    ):
        started = time.perf_counter()
        for _ in range(10):
            found = work()
        size = f", {len(found) / 1000:.0f} kB" if isinstance(found, bytes) else ""
        print(f"page picture, {what}: {100 * (time.perf_counter() - started):.0f} ms{size}")


if __name__ == "__main__":
    main()
