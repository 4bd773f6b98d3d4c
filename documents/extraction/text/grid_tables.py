"""Label the cells of AsciiDoc and reStructuredText tables with their columns: see `blocks.tables`."""

import re
from itertools import pairwise

from documents.extraction.blocks.tables import Cells, rows_as_lines

MAX_COLUMNS = 200
# AsciiDoc: cells, each after a bar, any number per line, between two delimiter lines.
TABLE_DELIMITER = re.compile(r"\|={3,}[ \t]*$")
COLUMNS = re.compile(r"""cols=(?:"([^"]*)"|'([^']*)'|(\d+))""")
REPEATED = re.compile(r"[ \t]*(\d{1,3})\*")
CELL = re.compile(r"(?<!\\)(?:(?<!\S)[.<>^]{0,4}[adehlms]?)\|")
SPAN = re.compile(r"(?:^|\s)[.\d]{1,9}[+*][.<>^]{0,4}[adehlms]?\|")
# reStructuredText: a grid of plus and dash; the rule of equals signs ends the header.
GRID_RULE = re.compile(r"[ \t]*\+(?:[-=]+\+)+[ \t]*$")


def label_asciidoc_tables(text: str) -> str:
    """Label the tables of an AsciiDoc text; a table with spanning cells is left unchanged."""
    output: list[str] = []
    table: list[str] = []
    for line in text.split("\n"):
        if not table and not TABLE_DELIMITER.match(line):
            output.append(line)
            continue
        table.append(line)
        if len(table) > 1 and TABLE_DELIMITER.match(line):
            output += _label_asciidoc(table[1:-1], _attributes_above(output)) or table
            table = []
    return "\n".join([*output, *table])


def _attributes_above(output: list[str]) -> str:
    """The attribute lines above a table and its title."""
    return "\n".join(line[:1000] for line in output[-2:] if line.startswith("["))


def _label_asciidoc(body: list[str], attributes: str) -> list[str]:
    text = "\n".join(body)
    first = next(filter(str.strip, body), "")
    columns = _column_count(attributes) or len(CELL.findall(first))
    cells = [" ".join(cell.split()).replace("\\|", "|") for cell in CELL.split(text)[1:]]
    if not 0 < columns <= MAX_COLUMNS or len(cells) % columns or SPAN.search(text):
        return []
    rows = [_row(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    is_headed = "header" in attributes or (len(body) > 1 and body[0] == first and not body[1].strip())
    return list(rows_as_lines(rows, header_rows=int(is_headed)))


def _column_count(attributes: str) -> int:
    if not (found := COLUMNS.search(attributes)):
        return 0
    if found[3]:
        return int(found[3][:4])
    counts = (REPEATED.match(each) for each in re.split("[,;]", found[1] or found[2] or ""))
    return sum(int(count[1]) if count else 1 for count in counts)


def label_rst_tables(text: str) -> str:
    """Label the grid tables of a reStructuredText; a grid with spanning cells is left unchanged."""
    output: list[str] = []
    grid: list[str] = []
    for line in [*text.split("\n"), ""]:
        if GRID_RULE.match(line) or (grid and line.lstrip().startswith(("|", "+"))):
            grid.append(line)
            continue
        output += _label_grid(grid) or grid
        grid = []
        output.append(line)
    return "\n".join(output[:-1])


def _label_grid(grid: list[str]) -> list[str]:
    edges = _positions(grid[0], "+") if grid else []
    rows: list[list[str]] = []  # the lines of each
    header_rows = 0
    for line in grid:
        if GRID_RULE.match(line) and _positions(line, "+") == edges:
            header_rows = header_rows or (len(rows) if "=" in line else 0)
            rows.append([])
        elif len(edges) <= MAX_COLUMNS and all(line[at : at + 1] == "|" for at in edges):
            rows[-1].append(line)
        else:
            return []
    return list(rows_as_lines([_cells_between(edges, lines) for lines in rows], header_rows))


def _positions(line: str, sign: str) -> list[int]:
    return [at for at, each in enumerate(line) if each == sign]


def _cells_between(edges: list[int], lines: list[str]) -> Cells:
    columns = [[line[start + 1 : end].strip() for line in lines] for start, end in pairwise(edges)]
    return _row([" ".join(filter(None, pieces)) for pieces in columns])


def _row(cells: list[str]) -> Cells:
    return {column: cell for column, cell in enumerate(cells) if cell}
