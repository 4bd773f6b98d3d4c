"""Runs rapidocr on one page in a subprocess: reads a PNG from stdin, writes a table in tesseract's TSV format to stdout."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

WIDE = 0.6  # of the text's width; no column is wider
# For line detection, which takes some 130 MB per million pixels. Recognition uses the image at full size.
MAX_PIXELS = 2_300_000
MAX_SIDE = 2_000  # rapidocr shrinks larger images to it before detection


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float
    text: str
    confidence: float = 1.0


def in_reading_order(boxes: Sequence[Box], width: float) -> list[Box]:
    """Sort column by column, and put lines across all columns between them. rapidocr itself sorts by height only."""
    ordered: list[Box] = []
    band: list[Box] = []
    for box in sorted(boxes, key=lambda box: box.top):
        if box.right - box.left > WIDE * width:
            ordered += [*_by_columns(band), box]
            band = []
        else:
            band.append(box)
    return ordered + _by_columns(band)


def _by_columns(boxes: Sequence[Box]) -> list[Box]:
    columns: list[list[Box]] = []
    # The widest box of a column shows its extent.
    for box in sorted(boxes, key=lambda box: box.right - box.left, reverse=True):
        column = next((column for column in columns if _is_in_column_of(box, column[0])), None)
        if column:
            column.append(box)
        else:
            columns.append([box])
    columns.sort(key=lambda column: column[0].left)
    return [box for column in columns for box in sorted(column, key=lambda box: (box.top, box.left))]


def _is_in_column_of(box: Box, widest: Box) -> bool:
    common = min(box.right, widest.right) - max(box.left, widest.left)
    return common > 0.5 * (box.right - box.left)


def main() -> None:
    from rapidocr import RapidOCR

    image = sys.stdin.buffer.read()
    found = RapidOCR(params=parameters(image))(image)
    if found.boxes is None:
        return
    boxes = [
        Box(*map(float, box.min(axis=0)), *map(float, box.max(axis=0)), text, float(score))  # type: ignore[call-arg, arg-type]
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
    ]
    width = max(box.right for box in boxes) - min(box.left for box in boxes)
    sys.stdout.write(to_tsv(in_reading_order(boxes, width), *found.img.shape[:2]))


def parameters(image: bytes) -> dict[str, Any]:
    """Limit a page to one core and less than 512 MB, whatever the shape of this PNG."""
    return {
        # The orientation classifier also rotates good lines, which are then lost.
        "Global.use_cls": False,
        "Global.log_level": "critical",
        "Global.max_side_len": MAX_SIDE,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "Rec.rec_batch_num": 1,  # no slower than several lines at once
        "Det.limit_type": "max",
        "Det.limit_side_len": detection_side(*struct.unpack(">II", image[16:24])),
    }


def detection_side(width: int, height: int) -> int:
    """The longer side of the image for line detection."""
    longer, shorter = max(width, height, 1), max(min(width, height), 1)
    return min(MAX_SIDE, math.isqrt(MAX_PIXELS * longer // shorter))


def to_tsv(boxes: Sequence[Box], height: int, width: int) -> str:
    """Write each line as one word of tesseract's TSV."""
    rows = [f"1\t1\t0\t0\t0\t0\t0\t0\t{width}\t{height}\t-1\t"]
    for number, box in enumerate(boxes, 1):
        place = f"{box.left:.0f}\t{box.top:.0f}\t{box.right - box.left:.0f}\t{box.bottom - box.top:.0f}"
        rows.append(
            f"5\t1\t1\t1\t{number}\t1\t{place}\t{100 * box.confidence:.1f}\t{' '.join(box.text.split())}"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
