"""Write table rows as lines of text that make sense on their own.

A table that fits into one chunk is written unchanged: header first, cells joined by " | ". A longer table is split into
chunks without its header, so each of its cells is labelled with its column: "Price: 21".
"""

import re
from collections.abc import Iterator, Sequence

Cells = dict[int, str]  # a row's texts by column number

CELL_BREAK = " | "
MAX_UNLABELLED_LENGTH = 800  # characters, about one chunk
MAX_NAME_LENGTH = 80
NUMBER = re.compile(r"[-+(]?[\s€$£¥%]*\d[\d\s.,:/%€$£¥)+-]*(?:[a-zA-Z€%]{0,3})")


def rows_as_lines(rows: Sequence[Cells], header_rows: int = 0, is_long: bool = False) -> Iterator[str]:
    """Yield a line for each row that is not empty. `is_long` forces labels: the table exceeds one chunk."""
    header = [*filter(None, rows[:header_rows])]
    rows, header_rows = [*header, *filter(None, rows[header_rows:])], len(header)
    columns = sorted({column for row in rows for column in row})
    unlabelled = [join_cells(row, columns) for row in rows]
    names = column_names(rows[:header_rows])
    if not names or (not is_long and sum(map(len, unlabelled)) <= MAX_UNLABELLED_LENGTH):
        yield from unlabelled
        return
    yield from unlabelled[:header_rows]
    for row in rows[header_rows:]:
        yield label_cells(row, names)


def join_cells(row: Cells, columns: Sequence[int]) -> str:
    """Join a row's cells with " | ", keeping empty cells unless most of them are empty."""
    if 4 * len(row) < len(columns):
        return " | ".join(text for _column, text in sorted(row.items()))
    return " | ".join(row.get(column, "") for column in columns).rstrip(" |")


def label_cells(row: Cells, names: Cells) -> str:
    """Join a row's cells, each after the name of its column."""
    return " | ".join(
        f"{names[column]}: {text}" if names.get(column, text) != text else text
        for column, text in sorted(row.items())
    )


def column_names(header: Sequence[Cells]) -> Cells:
    """The column names; a header of several rows yields all the texts above a column."""
    names: Cells = {}
    for row in header:
        for column, text in row.items():
            above = names.get(column, "")
            if text != above:
                names[column] = f"{above} {text}".strip()[:MAX_NAME_LENGTH]
    return names


def looks_like_header(row: Cells, width: int) -> bool:
    """Whether an unmarked row is a header: short distinct texts, no numbers, few gaps."""
    texts = list(row.values())
    return (
        len(texts) >= max(2, 0.6 * width)
        and len(set(texts)) == len(texts)
        and all(len(text) <= MAX_NAME_LENGTH and not NUMBER.fullmatch(text) for text in texts)
    )
