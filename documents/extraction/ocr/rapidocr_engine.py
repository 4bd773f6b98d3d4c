"""One page by rapidocr, in a process of its own: a PNG on standard input, a table as tesseract writes it on standard output."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

WIDE = 0.6  # of the text's width: wider than any column
# In which lines are looked for: the network takes some 130 MB for each million. They are read in the picture as it is.
MAX_PIXELS = 2_300_000
MAX_SIDE = 2_000  # to which rapidocr shrinks any picture before


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float
    text: str
    confidence: float = 1.0


def in_reading_order(boxes: Sequence[Box], width: float) -> list[Box]:
    """Column by column, and what runs over all columns between them: rapidocr gives together what stands at one height."""
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
    for box in sorted(
        boxes, key=lambda box: box.right - box.left, reverse=True
    ):  # the widest shows where a column is
        column = next((column for column in columns if _stands_in(box, column[0])), None)
        if column:
            column.append(box)
        else:
            columns.append([box])
    columns.sort(key=lambda column: column[0].left)
    return [box for column in columns for box in sorted(column, key=lambda box: (box.top, box.left))]


def _stands_in(box: Box, widest: Box) -> bool:
    common = min(box.right, widest.right) - max(box.left, widest.left)
    return common > 0.5 * (box.right - box.left)


def main() -> None:
    from rapidocr import RapidOCR

    picture = sys.stdin.buffer.read()
    found = RapidOCR(params=parameters(picture))(picture)
    if found.boxes is None:
        return
    boxes = [
        Box(*map(float, box.min(axis=0)), *map(float, box.max(axis=0)), text, float(score))  # type: ignore[call-arg, arg-type]
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
    ]
    width = max(box.right for box in boxes) - min(box.left for box in boxes)
    sys.stdout.write(to_tsv(in_reading_order(boxes, width), *found.img.shape[:2]))


def parameters(picture: bytes) -> dict[str, Any]:
    """With which a page takes one core and less than 512 MB, whatever the shape of this PNG."""
    return {
        # It turns good lines around, for upside-down ones, and loses them.
        "Global.use_cls": False,
        "Global.log_level": "critical",
        "Global.max_side_len": MAX_SIDE,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "Rec.rec_batch_num": 1,  # no slower than several lines at once
        "Det.limit_type": "max",
        "Det.limit_side_len": side_for_lines(*struct.unpack(">II", picture[16:24])),
    }


def side_for_lines(width: int, height: int) -> int:
    """How long the longer side of the picture may be in which lines are looked for."""
    longer, shorter = max(width, height, 1), max(min(width, height), 1)
    return min(MAX_SIDE, math.isqrt(MAX_PIXELS * longer // shorter))


def to_tsv(boxes: Sequence[Box], height: int, width: int) -> str:
    """Each line as if it were one word of tesseract's."""
    rows = [f"1\t1\t0\t0\t0\t0\t0\t0\t{width}\t{height}\t-1\t"]
    for number, box in enumerate(boxes, 1):
        place = f"{box.left:.0f}\t{box.top:.0f}\t{box.right - box.left:.0f}\t{box.bottom - box.top:.0f}"
        rows.append(
            f"5\t1\t1\t1\t{number}\t1\t{place}\t{100 * box.confidence:.1f}\t{' '.join(box.text.split())}"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
