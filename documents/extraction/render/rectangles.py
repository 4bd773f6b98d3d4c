"""Rectangles on a page: left, top, width and height as shares of its width and height."""

from collections.abc import Sequence

Rectangle = list[float]


def merge_on_lines(places: Sequence[Rectangle], shape: float) -> list[Rectangle]:
    """Merge neighbours on the same line, gaps between words included, and pad them a little.

    `shape` is the width of the page divided by its height.
    """
    lines: list[Rectangle] = []
    for left, top, width, height in places:
        if lines:
            before = lines[-1]
            common = min(before[1] + before[3], top + height) - max(before[1], top)
            gap = max(left - before[0] - before[2], before[0] - left - width) * shape
            if common > 0.5 * min(before[3], height) and gap < 1.5 * max(before[3], height):
                lines[-1] = _union(before, [left, top, width, height])
                continue
        lines.append([left, top, width, height])
    return [_padded(line) for line in lines]


def _union(one: Rectangle, other: Rectangle) -> Rectangle:
    left, top = min(one[0], other[0]), min(one[1], other[1])
    right, bottom = max(one[0] + one[2], other[0] + other[2]), max(one[1] + one[3], other[1] + other[3])
    return [left, top, right - left, bottom - top]


def _padded(place: Rectangle) -> Rectangle:
    left, top, width, height = place
    padding = 0.15 * height
    return [round(value, 5) for value in (left, top - padding, width, height + 2 * padding)]
