"""Files of an installed package that is never imported, verified by their checksum."""

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

# (path, size, mtime) of files whose checksum matched; forked processes inherit it.
_verified: set[tuple[Path, int, int]] = set()


class WeightsUnavailable(LookupError):
    """The weights are not installed, or their checksum does not match."""


class PackagedFiles:
    """The files of a model in a folder of a package, with the SHA-256 of each."""

    def __init__(self, package: str, folder: str, sha256: Mapping[str, str]) -> None:
        self.package = package
        self.folder = folder
        self.sha256 = sha256

    def are_installed(self) -> bool:
        """Return whether all files exist, without reading them."""
        folder = self._find_folder()
        return folder is not None and all((folder / name).is_file() for name in self.sha256)

    def verified_path(self, name: str) -> Path:
        """Return the path of a file whose SHA-256 matches. Raises WeightsUnavailable."""
        folder = self._find_folder()
        if folder is None or not (folder / name).is_file():
            raise WeightsUnavailable(f"{name} of the package {self.package} is not installed")
        path = folder / name
        _verify(path, self.sha256[name])
        return path

    def read_vocabulary(self) -> dict[str, int]:
        """Return the id of every word piece of vocab.txt. Raises WeightsUnavailable."""
        pieces = self.verified_path("vocab.txt").read_text(encoding="utf-8").splitlines()
        return {piece: number for number, piece in enumerate(pieces)}

    def _find_folder(self) -> Path | None:
        # Its code is never imported: it requires packages that are not installed, torch among them.
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        return Path(spec.submodule_search_locations[0]) / self.folder


def _verify(path: Path, sha256: str) -> None:
    status = path.stat()
    fingerprint = (path, status.st_size, status.st_mtime_ns)
    if fingerprint in _verified:
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise WeightsUnavailable(f"{path} is not the file it should be: its SHA-256 is {digest}")
    _verified.add(fingerprint)
