"""Which blocks of a web page are what it says, and which its menus, teasers and notices: trafilatura tells, by their words."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby

from documents.extraction.blocks.blocks import Block
from documents.extraction.sandbox.forked import run_forked

MAX_PAGE = 2_000_000  # characters of HTML; trafilatura's trees of a larger one would not fit the limits
CPU_SECONDS = 5  # a page of ordinary size takes a fortieth of one, a hostile one any number
ENOUGH = 200  # characters; of shorter texts trafilatura loses paragraphs, unless it finds nearly all
SMALL_SHARE, HALF, LARGE_SHARE = 0.1, 0.5, 0.75
SHORT = 36  # letters: fewer may stand in a menu as well as in the text, and count only as a whole line of it
GRAM = 12  # letters in a row by which longer lines are found again
MARK = re.compile(r"^(?:\d+\.|[-*•]) ")
LINE_ENDS = re.compile(r"[\n|]")


def main_blocks(html: str, blocks: Iterable[Block]) -> list[Block]:
    """The blocks that are the page's own text, in order; all of them where the page is very large, or little is found."""
    blocks = list(_flat(blocks))
    chosen = _chosen(blocks, Words(_main_text(html)))
    size, said = sum(map(_size, chosen)), sum(_size(block) - _links(block) for block in blocks)
    return chosen if chosen and size >= (SMALL_SHARE if size >= ENOUGH else LARGE_SHARE) * said else blocks


def _main_text(html: str) -> str:
    if len(html) > MAX_PAGE:
        return ""
    return run_forked(partial(_extracted, html), cpu_seconds=CPU_SECONDS)


def _extracted(html: str) -> str:
    from trafilatura import extract  # late: only a process that reads a web page pays for it

    return extract(html, include_comments=False) or ""


class Words:
    """The words of a text, and whether a block is made of them."""

    def __init__(self, text: str) -> None:
        letters = _letters(text)
        self.lines = {_letters(line) for line in LINE_ENDS.split(text)}
        self.grams = {letters[at : at + GRAM] for at in range(len(letters) - GRAM + 1)}

    def have(self, block: Block) -> bool:
        lines = [letters for line in _lines(block) if (letters := _letters(line))]
        return sum(len(line) for line in lines if self._have_line(line)) > HALF * sum(map(len, lines))

    def _have_line(self, line: str) -> bool:
        if len(line) < SHORT:
            return line in self.lines
        grams = [line[at : at + GRAM] for at in range(0, len(line) - GRAM + 1, GRAM // 3)]
        return sum(gram in self.grams for gram in grams) > HALF * len(grams)


def _chosen(blocks: Sequence[Block], words: Words) -> list[Block]:
    """Those made of these words, lists and tables in their midst, headings above them, and the page's own heading."""
    has = [words.have(block) for block in blocks]
    for is_there, run in groupby(range(len(blocks)), key=list(has).__getitem__):
        between = list(run)
        if not is_there and 0 < between[0] <= between[-1] < len(blocks) - 1:
            has[between[0] : between[-1] + 1] = [all(map(_is_part, (blocks[at] for at in between)))] * len(
                between
            )
    for at in range(len(blocks) - 2, -1, -1):
        has[at] |= has[at + 1] and _stands_above(blocks[at], blocks[at + 1])
    titles = [at for at, block in enumerate(blocks) if block.kind == "heading" and block.level == 1]
    if titles and True in has[titles[0] :] and not any(has[at] for at in titles):
        has[titles[0]] = True
    return [block for block, is_chosen in zip(blocks, has, strict=True) if is_chosen]


def _stands_above(heading: Block, block: Block) -> bool:
    if heading.kind != "heading" or heading.links:
        return False
    return block.kind != "heading" or heading.level < block.level


def _is_part(block: Block) -> bool:
    return block.kind in ("item", "table", "heading") and not _links(block)


def _flat(blocks: Iterable[Block]) -> Iterator[Block]:
    """What a table only arranges on the page stands for itself; tables are never nested deeply."""
    for block in blocks:
        if block.table is not None and block.table.is_layout:
            yield from _flat(block.table.blocks())
        else:
            yield block


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, MARK.sub("", text).casefold()))


def _parts(block: Block) -> Iterator[Block]:
    return block.table.blocks() if block.table else iter((block,))


def _lines(block: Block) -> Iterator[str]:
    for part in _parts(block):
        yield from part.text.split("\n")


def _size(block: Block) -> int:
    return sum(len(part.text) for part in _parts(block))


def _links(block: Block) -> int:
    return sum(part.links for part in _parts(block))
