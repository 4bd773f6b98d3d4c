"""One page by rapidocr, in a process of its own: a PNG on standard input, a table as tesseract writes it on standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

WIDE = 0.6  # of the text's width: wider than any column


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float
    text: str
    sureness: float = 1.0


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

    # Its classifier of upside-down lines turns good ones around and loses them.
    engine = RapidOCR(params={"Global.use_cls": False, "Global.log_level": "critical"})
    found = engine(sys.stdin.buffer.read())
    if found.boxes is None:
        return
    boxes = [
        Box(*map(float, box.min(axis=0)), *map(float, box.max(axis=0)), text, float(score))  # type: ignore[call-arg, arg-type]
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
    ]
    width = max(box.right for box in boxes) - min(box.left for box in boxes)
    sys.stdout.write(as_table(in_reading_order(boxes, width), *found.img.shape[:2]))


def as_table(boxes: Sequence[Box], height: int, width: int) -> str:
    """Each line as if it were one word of tesseract's."""
    rows = [f"1\t1\t0\t0\t0\t0\t0\t0\t{width}\t{height}\t-1\t"]
    for number, box in enumerate(boxes, 1):
        place = f"{box.left:.0f}\t{box.top:.0f}\t{box.right - box.left:.0f}\t{box.bottom - box.top:.0f}"
        rows.append(
            f"5\t1\t1\t1\t{number}\t1\t{place}\t{100 * box.sureness:.1f}\t{' '.join(box.text.split())}"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
