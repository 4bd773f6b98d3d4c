"""Finds the right edge of the column of each line."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from documents.extraction.cleanup.line import Line


def same_size(line: Line, after: Line, tolerance: float = 0.12) -> bool:
    height, other = line.height, after.height
    if height == other:
        return True
    if not height or not other:
        return False
    return abs(height - other) <= tolerance * (height if height > other else other)


def right_edges(lines: Sequence[Line]) -> list[float]:
    """The right edge of each line's column: the furthest that two of its lines reach."""
    edges: list[float] = []
    block: list[Line] = []
    for line in lines:
        if block and _starts_block(block[-1], line):
            edges += [_edge(block)] * len(block)
            block = []
        block.append(line)
    edges += [_edge(block)] * len(block)
    # A column that continues further down is as wide there as above.
    lefts = [round(line.left / 4) for line in lines]
    wide: dict[int, list[float]] = defaultdict(list)
    for left, edge in zip(lefts, edges, strict=True):
        wide[left].append(edge)
    usual = {left: _common(found) for left, found in wide.items()}
    return [
        usual[left] if line.height and usual[left] > edge else edge
        for left, edge, line in zip(lefts, edges, lines, strict=True)
    ]


def _common(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _starts_block(line: Line, after: Line) -> bool:
    if not line.height or not after.height:
        return line.height != after.height
    if after.baseline > line.baseline + 0.5 * line.height:
        return True
    left, right, after_left, after_right = line.left, line.right, after.left, after.right
    overlap = (right if right < after_right else after_right) - (left if left > after_left else after_left)
    return overlap < 0.3 * min(right - left, after_right - after_left)


def _edge(block: Sequence[Line]) -> float:
    if len(block) == 1:
        return block[0].right
    reach = sorted([line.right for line in block], reverse=True)
    for furthest, next_furthest in pairwise(reach):
        if furthest - next_furthest <= 0.03 * abs(furthest) + (0 if block[0].height else 2):
            return furthest
    return reach[0]
