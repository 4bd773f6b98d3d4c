"""Text from a picture of a page, by a program that this machine has: tesseract where its binary is on PATH, else rapidocr.

Each page is a process of its own with limits on memory and time, since pictures are as hostile as any other input.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
from functools import partial
from importlib.util import find_spec

TESSERACT, RAPIDOCR = "tesseract", "rapidocr"
DPI = 200  # finer pictures cost more time and are read no better (measured at 150, 200 and 300)
MEMORY = {
    TESSERACT: 512 * 1024**2,
    RAPIDOCR: 2 * 1024**3,
}  # of address space: onnxruntime reserves far more than it uses
LARGEST_TEXT = 200_000  # characters of a page


class NotRecognised(Exception):
    """The program gave no text: it took too long ("timeout") or ended with an error ("failed")."""


def engine() -> str:
    """The program that would be used; empty where neither is installed."""
    if shutil.which(TESSERACT):
        return TESSERACT
    return RAPIDOCR if find_spec("rapidocr") and find_spec("onnxruntime") else ""


def recognise(picture: bytes, *, languages: str, seconds: float) -> str:
    """The text in a PNG, a line of the page a line, a blank line between blocks. Raises NotRecognised."""
    program = engine() or TESSERACT
    command = _rapidocr() if program == RAPIDOCR else _tesseract(languages)
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
        raise NotRecognised("timeout") from None
    except OSError:  # gone since it was looked for
        raise NotRecognised("failed") from None
    if done.returncode:
        raise NotRecognised("failed")
    return done.stdout.decode(errors="replace").replace("\f", "").replace("\0", "")[:LARGEST_TEXT].strip()


def installed_languages() -> list[str]:
    """What tesseract can read; nothing is said of rapidocr, whose one model reads Latin letters and Chinese."""
    if engine() != TESSERACT:
        return []
    done = subprocess.run([TESSERACT, "--list-langs"], capture_output=True, text=True, check=False)
    return [name for name in done.stdout.split("\n")[1:] if name and name != "osd"]


def _tesseract(languages: str) -> list[str]:
    # 3: columns and blocks are found by itself.
    return [TESSERACT, "stdin", "stdout", "-l", languages, "--psm", "3", "--dpi", str(DPI)]


def _rapidocr() -> list[str]:
    return [sys.executable, "-m", "documents.extraction.rapid"]


def _environment() -> dict[str, str]:
    # One thread: several pages are read at once by several workers, and tesseract's own threads cost more than they bring.
    one = dict.fromkeys(("OMP_THREAD_LIMIT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TESSDATA_PREFIX") if name in os.environ}
    return {**kept, **one}


def _limit(memory: int, cpu_seconds: int) -> None:
    """In the new process: no more than it needs, and no longer than whoever waits for it lives."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, linux/prctl.h
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
    }
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))
