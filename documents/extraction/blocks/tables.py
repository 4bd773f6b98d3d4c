"""Rows of a table as lines of text, so that each line still makes sense where it is found alone.

A table that fits into one passage is written as it stands: cells joined by " | ", the names of the columns first. A
longer one is cut into passages that would hold bare figures: there each row says its columns' names, "Price: 21".
"""

import re
from collections.abc import Iterator, Sequence

Cells = dict[int, str]  # a row's texts by the number of their column

SHORT = 800  # characters, about what one passage holds
MAX_NAME_LENGTH = 80
NUMBER = re.compile(r"[-+(]?[\s€$£¥%]*\d[\d\s.,:/%€$£¥)+-]*(?:[a-zA-Z€%]{0,3})")


def rows_as_lines(rows: Sequence[Cells], header_rows: int = 0, is_long: bool = False) -> Iterator[str]:
    """The rows that say anything, a line each. `is_long`: they are known to be more than one passage holds."""
    header = [*filter(None, rows[:header_rows])]
    rows, header_rows = [*header, *filter(None, rows[header_rows:])], len(header)
    columns = sorted({column for row in rows for column in row})
    as_it_stands = [plain(row, columns) for row in rows]
    names = names_of(rows[:header_rows])
    if not names or (not is_long and sum(map(len, as_it_stands)) <= SHORT):
        yield from as_it_stands
        return
    yield from as_it_stands[:header_rows]
    for row in rows[header_rows:]:
        yield named(row, names)


def plain(row: Cells, columns: Sequence[int]) -> str:
    """With its gaps, unless it has little else: then no reader could count them."""
    if 4 * len(row) < len(columns):
        return " | ".join(text for _column, text in sorted(row.items()))
    return " | ".join(row.get(column, "") for column in columns).rstrip(" |")


def named(row: Cells, names: Cells) -> str:
    """What each cell is, and what it says."""
    return " | ".join(
        f"{names[column]}: {text}" if names.get(column, text) != text else text
        for column, text in sorted(row.items())
    )


def names_of(header: Sequence[Cells]) -> Cells:
    """The columns' names; where the header has several rows, all that stands above the column."""
    names: Cells = {}
    for row in header:
        for column, text in row.items():
            above = names.get(column, "")
            if text != above:
                names[column] = f"{above} {text}".strip()[:MAX_NAME_LENGTH]
    return names


def looks_like_header(row: Cells, width: int) -> bool:
    """Whether a row without any mark names the columns: short words, no figures, no two alike, hardly a gap."""
    texts = list(row.values())
    return (
        len(texts) >= max(2, 0.6 * width)
        and len(set(texts)) == len(texts)
        and all(len(text) <= MAX_NAME_LENGTH and not NUMBER.fullmatch(text) for text in texts)
    )
