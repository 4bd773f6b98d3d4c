"""A small JSON file that records the servers of a folder and the locations of their data."""

import hashlib
import json
from pathlib import Path

RECORD = "embedded.json"


def entries(var: Path) -> dict[str, str]:
    """Return the recorded entries; empty if the file is missing or damaged."""
    try:
        found = json.loads((Path(var) / RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(var: Path, new: dict[str, str]) -> None:
    """Add entries; the file is replaced atomically."""
    before = entries(var)
    if before | new != before:
        unfinished = var / f"{RECORD}.new"
        unfinished.write_text(json.dumps(before | new, indent=2) + "\n")
        unfinished.replace(var / RECORD)


def kept_home(var: Path, name: str) -> Path | None:
    """Return the recorded data folder after `var` was moved, since its name is derived from the old path."""
    found = entries(var)
    home, made_for = found.get(name), found.get("var")
    if home and made_for and Path(home).exists() and (Path(made_for) == var or not Path(made_for).exists()):
        return Path(home)
    return None


def short_hash(value: object) -> str:
    return hashlib.sha256(str(value).encode()).hexdigest()[:12]
