"""Select the main text of a web page, without menus, teasers and notices, with trafilatura."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby

from documents.extraction.blocks.blocks import Block
from documents.extraction.sandbox.forked import run_forked

# Characters of HTML; trafilatura's trees of a larger page would exceed the memory limit.
MAX_HTML_LENGTH = 2_000_000
CPU_SECONDS = 5  # an ordinary page takes 0.025 s, a hostile one any time
# Characters; of shorter texts trafilatura loses paragraphs, so they must match nearly the whole page.
MIN_RELIABLE_LENGTH = 200
MIN_SHARE, HALF, MIN_SHARE_OF_SHORT_TEXT = 0.1, 0.5, 0.75
# Letters; a shorter line may also occur in a menu, and matches only as a whole line.
SHORT_LINE = 36
NGRAM = 12  # consecutive letters by which longer lines are matched
LIST_MARKER = re.compile(r"^(?:\d+\.|[-*•]) ")
LINE_ENDS = re.compile(r"[\n|]")


def main_blocks(html: str, blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks of the main text; all blocks if the page is very large or little text is found."""
    blocks = list(_flatten(blocks))
    chosen = _select(blocks, TextMatcher(_main_text(html)))
    size, total = sum(map(_size, chosen)), sum(_size(block) - _links(block) for block in blocks)
    return (
        chosen
        if chosen and size >= (MIN_SHARE if size >= MIN_RELIABLE_LENGTH else MIN_SHARE_OF_SHORT_TEXT) * total
        else blocks
    )


def _main_text(html: str) -> str:
    if len(html) > MAX_HTML_LENGTH:
        return ""
    return run_forked(partial(_extracted, html), cpu_seconds=CPU_SECONDS)


def _extracted(html: str) -> str:
    from trafilatura import extract  # imported on use: only web pages need it

    return extract(html, include_comments=False) or ""


class TextMatcher:
    """Matches blocks against a text by its lines and n-grams."""

    def __init__(self, text: str) -> None:
        letters = _letters(text)
        self.lines = {_letters(line) for line in LINE_ENDS.split(text)}
        self.ngrams = {letters[at : at + NGRAM] for at in range(len(letters) - NGRAM + 1)}

    def matches(self, block: Block) -> bool:
        lines = [letters for line in _lines(block) if (letters := _letters(line))]
        return sum(len(line) for line in lines if self._matches_line(line)) > HALF * sum(map(len, lines))

    def _matches_line(self, line: str) -> bool:
        if len(line) < SHORT_LINE:
            return line in self.lines
        ngrams = [line[at : at + NGRAM] for at in range(0, len(line) - NGRAM + 1, NGRAM // 3)]
        return sum(ngram in self.ngrams for ngram in ngrams) > HALF * len(ngrams)


def _select(blocks: Sequence[Block], matcher: TextMatcher) -> list[Block]:
    """Return the matching blocks, lists and tables between them, their headings, and the page heading."""
    matched = [matcher.matches(block) for block in blocks]
    for is_matched, run in groupby(range(len(blocks)), key=list(matched).__getitem__):
        between = list(run)
        if not is_matched and 0 < between[0] <= between[-1] < len(blocks) - 1:
            matched[between[0] : between[-1] + 1] = [
                all(map(_may_join_text, (blocks[at] for at in between)))
            ] * len(between)
    for at in range(len(blocks) - 2, -1, -1):
        matched[at] |= matched[at + 1] and _is_heading_of(blocks[at], blocks[at + 1])
    titles = [at for at, block in enumerate(blocks) if block.kind == "heading" and block.level == 1]
    if titles and True in matched[titles[0] :] and not any(matched[at] for at in titles):
        matched[titles[0]] = True
    return [block for block, is_chosen in zip(blocks, matched, strict=True) if is_chosen]


def _is_heading_of(heading: Block, block: Block) -> bool:
    if heading.kind != "heading" or heading.links:
        return False
    return block.kind != "heading" or heading.level < block.level


def _may_join_text(block: Block) -> bool:
    return block.kind in ("item", "table", "heading") and not _links(block)


def _flatten(blocks: Iterable[Block]) -> Iterator[Block]:
    """Replace layout tables by their contents. The builder limits the nesting of tables."""
    for block in blocks:
        if block.table is not None and block.table.is_layout:
            yield from _flatten(block.table.blocks())
        else:
            yield block


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, LIST_MARKER.sub("", text).casefold()))


def _parts(block: Block) -> Iterator[Block]:
    return block.table.blocks() if block.table else iter((block,))


def _lines(block: Block) -> Iterator[str]:
    for part in _parts(block):
        yield from part.text.split("\n")


def _size(block: Block) -> int:
    return sum(len(part.text) for part in _parts(block))


def _links(block: Block) -> int:
    return sum(part.links for part in _parts(block))
