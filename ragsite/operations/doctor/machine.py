"""Checks of the machine and its settings: disk space, permissions, OCR, packages, secret key and DEBUG."""

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
from ragsite.operations.doctor.finding import Finding, fail, ok, run_check, warn

GIGABYTE = 1024**3
LOW_SPACE, MIN_SPACE = 2 * GIGABYTE, GIGABYTE // 5
PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+))?", re.MULTILINE)
MIN_KEY_LENGTH, MIN_CHARACTERS = 50, 5  # as in Django's own check


def examine() -> Iterator[Finding]:
    yield run_check("disk", check_disk)
    yield run_check("files", check_files)
    yield run_check("file rights", check_permissions)
    yield run_check("scanned pages", check_ocr)
    yield run_check("packages", check_packages)
    yield run_check("secret key", check_secret_key)
    yield run_check("debug", check_debug)


def check_disk() -> Finding:
    """Check the fullest of the disks that hold data, files and logs."""
    folder = min((_existing(place) for place in _places()), key=lambda place: shutil.disk_usage(place).free)
    free = shutil.disk_usage(folder).free
    values = {"free": f"{free / GIGABYTE:.1f}", "folder": folder}
    sentence = _("%(free)s GB are free for %(folder)s.") % values
    remedy = _("Free some space, or point RAGSITE_VAR to a larger disk.")
    if free < MIN_SPACE:
        return fail("disk", sentence, remedy)
    return warn("disk", sentence, remedy) if free < LOW_SPACE else ok("disk", sentence)


def _places() -> list[Path]:
    return [settings.VAR_DIR, *([Path(settings.MEDIA_ROOT)] if _stores_files_locally() else [])]


def _stores_files_locally() -> bool:
    return isinstance(default_storage, FileSystemStorage)


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def check_ocr() -> Finding:
    """Check this machine; what matters is the machine of the workers."""
    if not settings.OCR:
        return ok("scanned pages", _("OCR is off (OCR=False)."))
    if not (found := engines.engine()):
        sentence = _("No OCR engine is installed: scanned pages are not searchable.")
        remedy = _(
            "Install tesseract where the workers run (Debian: apt-get install tesseract-ocr), or"
            ' pip install "ragsite[ocr]"; or set OCR=False.'
        )
        return warn("scanned pages", sentence, remedy)
    if found == engines.RAPIDOCR:
        return ok("scanned pages", _("OCR by rapidocr: Latin script and Chinese."))
    return _check_tesseract()


def _check_tesseract() -> Finding:
    if missing := engines.missing_languages(settings.OCR_LANGUAGES):
        sentence = _("tesseract lacks language data for: %(languages)s.") % {"languages": ", ".join(missing)}
        remedy = _("Install the data (Debian: tesseract-ocr-…), or change OCR_LANGUAGES.")
        return warn("scanned pages", sentence, remedy)
    languages = engines.usable_languages(settings.OCR_LANGUAGES)
    if not languages:
        remedy = _("Install some (Debian: tesseract-ocr-eng).")
        return warn("scanned pages", _("tesseract has no language data."), remedy)
    program = engines.tesseract()
    values = {"path": program.path if program else "", "languages": ", ".join(languages)}
    return ok("scanned pages", _("OCR by tesseract (%(path)s) in %(languages)s.") % values)


def check_files() -> Finding:
    if not _stores_files_locally():
        return ok(
            "files", _("Files are stored by %(storage)s.") % {"storage": type(default_storage).__name__}
        )
    folder = _existing(Path(settings.MEDIA_ROOT))
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        sentence = _("Uploads cannot be stored in %(folder)s.") % {"folder": settings.MEDIA_ROOT}
        return fail("files", sentence, _("Give this user write permission, or set RAGSITE_VAR."))
    return ok("files", _("Uploads can be stored in %(folder)s.") % {"folder": settings.MEDIA_ROOT})


def check_permissions() -> Finding:
    secrets, media = settings.BASE_DIR / ".env", Path(settings.MEDIA_ROOT)
    if settings.ENV_FILE_PROBLEM:
        remedy = _("Give this user read permission, or set every variable in the environment.")
        return warn("file rights", settings.ENV_FILE_PROBLEM, remedy)
    if secrets.exists() and secrets.stat().st_mode & 0o077:
        sentence = _("Other users of this machine can read %(file)s, which contains keys.") % {
            "file": secrets
        }
        return fail("file rights", sentence, f"chmod 600 {secrets}")
    if _stores_files_locally() and media.exists() and _is_open_to_all(media):
        sentence = _("Other users of this machine can list %(folder)s.") % {"folder": media}
        return warn("file rights", sentence, f"chmod 700 {media}")
    return ok("file rights", _("Only this user can read keys and uploads."))


def _is_open_to_all(folder: Path) -> bool:
    """A folder is private if any of its parents is, whatever its own mode."""
    return all(place.stat().st_mode & 0o001 for place in folder.parents) and bool(
        folder.stat().st_mode & 0o005
    )


def check_packages() -> Finding:
    pins = settings.BASE_DIR / "requirements.txt"
    differing = [name for name, version in _pinned(pins.read_text()).items() if _installed(name) != version]
    if not differing:
        return ok("packages", _("The installed packages match requirements.txt."))
    sentence = ngettext(
        "%(count)s package differs from requirements.txt: %(names)s.",
        "%(count)s packages differ from requirements.txt: %(names)s.",
        len(differing),
    ) % {"count": len(differing), "names": ", ".join(differing[:5]) + (" …" if len(differing) > 5 else "")}
    return warn("packages", sentence, "pip install --no-deps --require-hashes -r requirements.txt")


def _pinned(requirements: str) -> dict[str, str]:
    """Return name and version of each package that applies to this Python and machine."""
    found = ((name, version, marker.strip()) for name, version, marker in PIN.findall(requirements))
    return {name: version for name, version, marker in found if not marker or Marker(marker).evaluate()}


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def check_secret_key() -> Finding:
    key = settings.SECRET_KEY
    if len(key) < MIN_KEY_LENGTH or len(set(key)) < MIN_CHARACTERS or key.startswith("django-insecure-"):
        remedy = "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        return fail("secret key", _("SECRET_KEY is too weak: sessions could be forged."), remedy)
    return ok("secret key", _("SECRET_KEY is strong."))


def check_debug() -> Finding:
    if not settings.DEBUG:
        return ok("debug", _("DEBUG is off."))
    sentence = _("DEBUG is on: error pages show settings and source code to every visitor.")
    remedy = _("Set DEBUG=False or remove it from .env.")
    return warn("debug", sentence, remedy) if settings.IS_LOCAL else fail("debug", sentence, remedy)
