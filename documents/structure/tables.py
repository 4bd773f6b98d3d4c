"""Finds the rows, the cells and the header of a table in its lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from documents.extraction.blocks.tables import NUMBER, column_names
from documents.structure.kinds import Cell, Row
from documents.structure.lines import Line

CELLS = " | "
# With outer bars in Markdown sources, without them in stored rows; an escaped bar belongs to a cell.
BREAK = re.compile(r"(?:^|(?<=[ \t]))\|(?=[ \t]|$)")
TIGHT_BREAK = re.compile(r"(?<!\\)\|")
DELIMITER_ROW = re.compile(r"[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:[|+][ \t]*+:?-++:?[ \t]*+)*+[|+]?$")
MAX_COLUMNS = 1_000
MAX_NAME = 80
MAX_HEADER_ROWS = 3
LABEL = re.compile(r"([^\n]{1,80}?): (?=\S)")
# What may name a column although it is a figure: a year, a quarter, a business year.
YEAR = re.compile(r"(?:1[89]|20|21)\d\d(?:[-/–](?:\d\d){1,2})?")
FIGURE = re.compile(r"[-+−(]?[\s€$£¥]*\d[\d\s.,:/]*(?:%|€|\)|[kKmM])?")
CODE = re.compile(r"[;{}\\=$<>`]|\|\||&&|\w\(")
WORD = re.compile(r"\S+")
MAX_FIGURES = 40  # figures at the end of a line that are counted

Span = tuple[int, int]
Plain = Callable[[int, int], str]


def is_row(line: str) -> bool:
    """Whether the line has cells: bars between them, or around them as in Markdown."""
    if "|" not in line:
        return False
    stripped = line.strip()
    is_fenced = len(stripped) > 2 and stripped[0] == "|" == stripped[-1]
    return is_fenced or CELLS in line or line.startswith("| ")


def is_delimiter(line: str) -> bool:
    """Whether the line only separates the header of a Markdown table from its body."""
    return ("|" in line or "+" in line) and "-" in line and DELIMITER_ROW.match(line) is not None


def cells_of(line: Line) -> list[Span]:
    """The range of each cell of a row; an empty cell has an empty range."""
    stripped = line.text.strip()
    is_fenced = len(stripped) > 2 and stripped[0] == "|" == stripped[-1] and not stripped.endswith("\\|")
    first = len(line.text) - len(line.text.lstrip())
    begin, stop = (first + 1, len(line.text) - 1) if is_fenced else (0, len(line.text))
    spans: list[Span] = []
    for match in (TIGHT_BREAK if is_fenced else BREAK).finditer(line.text, begin, stop):
        spans.append(_trimmed(line, begin, match.start()))
        begin = match.end()
        if len(spans) >= MAX_COLUMNS:
            break
    return [*spans, _trimmed(line, begin, stop)]


def _trimmed(line: Line, begin: int, stop: int) -> Span:
    part = line.text[begin:stop]
    if not part or part.isspace():
        return line.start + begin, line.start + begin
    return line.start + begin + len(part) - len(part.lstrip()), line.start + begin + len(part.rstrip())


def figures_at_end(line: str) -> int:
    """How many words at the end of the line are figures, after at least one word."""
    words = line.rsplit(None, MAX_FIGURES)
    count = 0
    while count < len(words) - 1 and FIGURE.fullmatch(words[-1 - count]):
        count += 1
    return count


def split_figures(line: Line, figures: int) -> list[Span]:
    """The cells of a row without separators: its words, and each of the figures at its end."""
    spans: list[Span] = []
    end = len(line.text)
    for _ in range(figures):
        start = end - len(line.text[:end].rsplit(None, 1)[-1])
        spans.insert(0, (line.start + start, line.start + end))
        end = len(line.text[:start].rstrip())
    first = len(line.text) - len(line.text.lstrip())
    return [(line.start + first, line.start + end), *spans]


def words_of(line: Line) -> list[Span]:
    """The range of each word of a line: column names without separators."""
    return [(line.start + word.start(), line.start + word.end()) for word in WORD.finditer(line.text)]


def look_like_code(lines: Sequence[Line]) -> bool:
    """Whether lines with bars of a plain text are source code or commands, or too uneven for a table."""
    widths = {len(cells_of(line)) for line in lines}
    return len(widths) > 2 or sum(bool(CODE.search(line.text)) for line in lines) * 3 > len(lines)


def header_and_rows(
    found: Sequence[tuple[Line, Sequence[Span]]], plain: Plain, marked_header: int = 0
) -> tuple[list[str], list[Row], list[Row]]:
    """The names of the columns, the rows with these, and the rows below them. `marked_header`: rows above a delimiter row."""
    texts = [[plain(*span) for span in spans] for _line, spans in found]
    names, header_rows = _named(texts, marked_header)
    if not names and not (names := _names_in(texts)):
        names, header_rows = _unlabelled(texts)
    rows = [
        _row(line, spans, own, names if number >= header_rows else ())
        for number, ((line, spans), own) in enumerate(zip(found, texts, strict=True))
    ]
    return names, rows[:header_rows], rows[header_rows:]


def _named(texts: Sequence[Sequence[str]], marked_header: int) -> tuple[list[str], int]:
    """The names in a marked header, or in first rows whose names label the next; ([], 0) without such a header."""
    if len(texts) < 2:
        return [], 0
    if marked_header:
        return _joined(texts[:marked_header]), marked_header
    for count in range(1, min(MAX_HEADER_ROWS, len(texts) - 1) + 1):
        names = _joined(texts[:count])
        if _labels(texts[count], names) * 2 >= max(1, sum(map(bool, texts[count]))):
            return names, count
    return [], 0


def _unlabelled(texts: Sequence[Sequence[str]]) -> tuple[list[str], int]:
    """The names in first rows that look like a header, and how many rows these are; ([], 0) without a header."""
    width = Counter(len(row) for row in texts[:20]).most_common(1)[0][0]
    if len(texts) < 2 or not is_header(texts[0], width, texts[1:20]):
        return [], 0
    if _is_upper_header(texts):
        return _joined([_spread(texts[0], texts[1]), texts[1]]), 2
    return _joined(texts[:1]), 1


def is_header(row: Sequence[str], width: int, below: Sequence[Sequence[str]]) -> bool:
    """Whether the row names columns: short distinct texts, few gaps, no figures but years above other figures."""
    own = [text for text in row if text]
    if (
        len(own) < max(2, 0.6 * width)
        or len(set(own)) < len(own)
        or any(len(text) > MAX_NAME for text in own)
    ):
        return False
    if not any(not NUMBER.fullmatch(text) for text in own):
        return False
    figures = [text for text in own if NUMBER.fullmatch(text)]
    return not figures or (
        all(YEAR.fullmatch(text) for text in figures)
        and not any(YEAR.fullmatch(text) for other in below for text in other[1:])
    )


def _is_upper_header(texts: Sequence[Sequence[str]]) -> bool:
    """Whether the first row groups the columns of a second header row, which has names, or years, under its gaps."""
    first, second, rest = texts[0], texts[1], texts[2:20]
    gaps = [at for at in range(1, len(second)) if at >= len(first) or not first[at]]
    has_figures = any(NUMBER.fullmatch(text) for row in rest for text in row)
    has_names = all(not NUMBER.fullmatch(text) or YEAR.fullmatch(text) for text in second)
    return bool(gaps and rest and has_figures and has_names and all(second[at] for at in gaps))


def _joined(rows: Sequence[Sequence[str]]) -> list[str]:
    if len(rows) == 1:
        return list(rows[0])
    names = column_names([{column: text for column, text in enumerate(row) if text} for row in rows])
    return [names.get(column, "") for column in range(max(names, default=-1) + 1)]


def _spread(row: Sequence[str], below: Sequence[str]) -> list[str]:
    """The row with its gaps filled by the name to the left, which belongs to all columns that the row below names."""
    filled = [*row, *[""] * (len(below) - len(row))]
    for at in range(1, len(below)):
        if not filled[at] and below[at] and below[at - 1]:
            filled[at] = filled[at - 1]
    return filled


def _labels(row: Sequence[str], names: Sequence[str]) -> int:
    """How many cells of the row begin with the name of a column."""
    own = tuple(f"{name}: " for name in names if name)
    return sum(text.startswith(own) for text in row) if own else 0


def _names_in(texts: Sequence[Sequence[str]]) -> list[str]:
    """The names in labelled rows whose header is elsewhere, in the order in which they appear."""
    rows = [[match[1] if (match := LABEL.match(text)) else "" for text in row] for row in texts]
    labels = Counter(name for row in rows for name in dict.fromkeys(row) if name)
    most = len(texts) // 2 if len(texts) > 1 else 0
    names = [
        name for name, count in labels.items() if count > most or (count > 1 and count >= 0.1 * len(texts))
    ]
    labelled = sum(name in names for row in rows for name in row)
    return names if len(names) >= 2 and labelled * 2 >= sum(map(len, rows)) else []


def _row(line: Line, spans: Sequence[Span], texts: Sequence[str], names: Sequence[str]) -> Row:
    at = line.start + len(line.text) - len(line.text.lstrip())
    if 2 * _labels(texts, names) < max(1, sum(map(bool, texts))):
        return Row(at, line.end, [Cell(text, *span) for text, span in zip(texts, spans, strict=True)])
    columns = {name: column for column, name in enumerate(names) if name}
    cells = [Cell("", line.end, line.end)] * len(names)
    column = -1
    for text, (start, end) in zip(texts, spans, strict=True):
        name = _label(text, columns)
        column = columns[name] if name else column + 1
        value = text[len(name) + 2 :] if name else text
        if column < len(cells) and cells[column].text:
            column = len(cells)  # two values of one column
        cells += [Cell("", line.end, line.end)] * (column + 1 - len(cells))
        if value:
            cells[column] = Cell(value, max(start, end - len(value)) if name else start, end)
    return Row(at, line.end, cells)


def _label(text: str, columns: dict[str, int]) -> str:
    """The name that the cell begins with; names may contain a colon."""
    at = text.find(": ")
    while 0 < at <= MAX_NAME:
        if text[:at] in columns:
            return text[:at]
        at = text.find(": ", at + 1)
    return ""
