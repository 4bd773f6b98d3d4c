"""The machine and its settings: room on the disk, who may read what, the packages, and what must not be left as it came."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from packaging.markers import Marker

from documents.extraction.ocr import engines
from ragsite.operations.doctor.finding import Finding, fail, ok, tried, warn

GIGABYTE = 1024**3
SCARCE, TOO_LITTLE = 2 * GIGABYTE, GIGABYTE // 5
PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+))?", re.MULTILINE)
MIN_KEY_LENGTH, MIN_CHARACTERS = 50, 5  # as Django's own check has it


def examine() -> Iterator[Finding]:
    yield tried("disk", there_is_room)
    yield tried("files", files_can_be_written)
    yield tried("file rights", nobody_else_reads)
    yield tried("scanned pages", pictures_can_be_read)
    yield tried("packages", packages_are_as_pinned)
    yield tried("secret key", key_is_long)
    yield tried("debug", debug_is_off)


def there_is_room() -> Finding:
    """On the disk that is fullest of those that data, files and logs lie on."""
    folder = min((_existing(place) for place in _places()), key=lambda place: shutil.disk_usage(place).free)
    free = shutil.disk_usage(folder).free
    values = {"free": f"{free / GIGABYTE:.1f}", "folder": folder}
    sentence = _("%(free)s GB are free for %(folder)s.") % values
    remedy = _("Make room, or have RAGSITE_VAR point to a larger disk.")
    if free < TOO_LITTLE:
        return fail("disk", sentence, remedy)
    return warn("disk", sentence, remedy) if free < SCARCE else ok("disk", sentence)


def _places() -> list[Path]:
    return [settings.VAR_DIR, *([Path(settings.MEDIA_ROOT)] if _files_lie_here() else [])]


def _files_lie_here() -> bool:
    return isinstance(default_storage, FileSystemStorage)


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def pictures_can_be_read() -> Finding:
    """Of the machine on which doctor runs; the workers' is the one that matters."""
    if not settings.OCR:
        return ok("scanned pages", _("Text in pictures is not looked for (OCR=False)."))
    if not (found := engines.engine()):
        sentence = _("No program that reads pictures is installed: nothing on scanned pages can be found.")
        remedy = _(
            "Install tesseract where the workers run (Debian: apt-get install tesseract-ocr), or else"
            ' pip install "ragsite[ocr]"; or set OCR=False.'
        )
        return warn("scanned pages", sentence, remedy)
    if missing := engines.missing_languages(settings.OCR_LANGUAGES):
        sentence = _("tesseract has no data for: %(languages)s.") % {"languages": ", ".join(missing)}
        return warn(
            "scanned pages",
            sentence,
            _("Install the data (Debian: tesseract-ocr-…), or change OCR_LANGUAGES."),
        )
    if found == engines.RAPIDOCR:
        return ok("scanned pages", _("Read by rapidocr: Latin letters and Chinese."))
    languages = engines.usable_languages(settings.OCR_LANGUAGES)
    if not languages:
        return warn(
            "scanned pages",
            _("tesseract has no data for any language."),
            _("Install some (Debian: tesseract-ocr-eng)."),
        )
    program = engines.tesseract()
    return ok(
        "scanned pages",
        _("Read by tesseract (%(path)s) in %(languages)s.")
        % {"path": program.path if program else "", "languages": ", ".join(languages)},
    )


def files_can_be_written() -> Finding:
    if not _files_lie_here():
        return ok("files", _("Files are kept by %(storage)s.") % {"storage": type(default_storage).__name__})
    folder = _existing(Path(settings.MEDIA_ROOT))
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        sentence = _("Uploads cannot be stored in %(folder)s.") % {"folder": settings.MEDIA_ROOT}
        return fail("files", sentence, _("Give this user the right to write there, or set RAGSITE_VAR."))
    return ok("files", _("Uploads can be stored in %(folder)s.") % {"folder": settings.MEDIA_ROOT})


def nobody_else_reads() -> Finding:
    secrets, media = settings.BASE_DIR / ".env", Path(settings.MEDIA_ROOT)
    if settings.ENV_FILE_PROBLEM:
        remedy = _("Give this user the right to read it, or set every variable in the environment.")
        return warn("file rights", settings.ENV_FILE_PROBLEM, remedy)
    if secrets.exists() and secrets.stat().st_mode & 0o077:
        sentence = _("Other users of this machine may read %(file)s, which holds keys.") % {"file": secrets}
        return fail("file rights", sentence, f"chmod 600 {secrets}")
    if _files_lie_here() and media.exists() and _is_open_to_all(media):
        sentence = _("Other users of this machine may look into %(folder)s.") % {"folder": media}
        return warn("file rights", sentence, f"chmod 700 {media}")
    return ok("file rights", _("Keys and uploads are readable by this user alone."))


def _is_open_to_all(folder: Path) -> bool:
    """A folder that is closed further up is closed, whatever its own rights."""
    return all(place.stat().st_mode & 0o001 for place in folder.parents) and bool(
        folder.stat().st_mode & 0o005
    )


def packages_are_as_pinned() -> Finding:
    pins = settings.BASE_DIR / "requirements.txt"
    differing = [name for name, version in _pinned(pins.read_text()).items() if _installed(name) != version]
    if not differing:
        return ok("packages", _("The installed packages are those of requirements.txt."))
    sentence = ngettext(
        "%(count)s package is not the one of requirements.txt: %(names)s.",
        "%(count)s packages are not those of requirements.txt: %(names)s.",
        len(differing),
    ) % {"count": len(differing), "names": ", ".join(differing[:5]) + (" …" if len(differing) > 5 else "")}
    return warn("packages", sentence, "pip install --no-deps --require-hashes -r requirements.txt")


def _pinned(requirements: str) -> dict[str, str]:
    """Name and version of what this Python needs on this machine."""
    found = ((name, version, marker.strip()) for name, version, marker in PIN.findall(requirements))
    return {name: version for name, version, marker in found if not marker or Marker(marker).evaluate()}


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def key_is_long() -> Finding:
    key = settings.SECRET_KEY
    if len(key) < MIN_KEY_LENGTH or len(set(key)) < MIN_CHARACTERS or key.startswith("django-insecure-"):
        remedy = "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        return fail("secret key", _("SECRET_KEY can be guessed: sessions could be forged."), remedy)
    return ok("secret key", _("SECRET_KEY is long."))


def debug_is_off() -> Finding:
    if not settings.DEBUG:
        return ok("debug", _("DEBUG is off."))
    sentence = _("DEBUG is on: every fault shows settings and source to whoever meets it.")
    remedy = _("Set DEBUG=False, or take it out of .env.")
    return warn("debug", sentence, remedy) if settings.IS_LOCAL else fail("debug", sentence, remedy)
