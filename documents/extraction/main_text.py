"""Which part of a web page is what it says: its text without menus, advertisements, forms and notices about cookies.

The page's own marks come first (`<main>`, `<article>`, `<nav>`, roles), then how much of a block is links. One pass
over the blocks; where the marks leave next to nothing, they are not believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from documents.extraction.blocks import Block

MAIN, ARTICLE, HEADER, FORM, PERHAPS = "main", "article", "header", "form", "perhaps"
CHROME = frozenset(("nav", "aside", "footer", "dialog"))  # around a text, never it
TAGS = CHROME | {MAIN, ARTICLE, HEADER, FORM}
BY_ROLE = {
    "main": MAIN, "article": ARTICLE, "navigation": "nav", "complementary": "aside", "contentinfo": "footer", "search": FORM,
    "dialog": "dialog", "alertdialog": "dialog", "alert": "dialog", "menu": "nav", "menubar": "nav", "toolbar": "nav",
    "banner": HEADER, "form": FORM,
}  # fmt: skip
WORDS = re.compile(r"[a-z]+")
# Names that sites give to what surrounds a text. "cookie" alone may be a recipe.
NOTICES = frozenset(("cookie", "cookies", "consent", "gdpr", "ccpa"))
OF_NOTICES = frozenset(
    ("banner", "notice", "bar", "popup", "modal", "overlay", "law", "dialog", "wall", "message", "prompt", "consent", "layer", "container", "disclaimer")
)  # fmt: skip
NOTICE_MAKERS = (
    "cookieconsent",
    "cookiebanner",
    "cookienotice",
    "cookiebar",
    "onetrust",
    "cookiebot",
    "usercentrics",
    "didomi",
    "truste",
)
SURROUNDINGS = frozenset(
    """sidebar breadcrumb breadcrumbs newsletter advert advertisement adsbygoogle sponsored navbar skiplink pagination masthead
    toc sharing subscribe navigation navheader navfooter navlinks pager
    footer noprint catlinks sitenotice""".split()  # noqa: SIM905
)
# "with-sidebar" is what has one, "sidebar-open" what stands beside one.
WITH_ONE = frozenset("with has no without left right layout open closed collapsed expanded enabled".split())  # noqa: SIM905
BESIDES = SURROUNDINGS | frozenset(
    "left right top bottom main site page primary secondary menu nav wrapper container box area".split()  # noqa: SIM905
)
# Where their id is an anchor, made of the words of a heading.
ANCHORED = frozenset("section h1 h2 h3 h4 h5 h6 p li dl dt dd tr td th pre blockquote figure".split())  # noqa: SIM905
# An <aside> of these is part of the text: a footnote, a remark in a box.
NOTES = frozenset(
    "footnote footnotes topic admonition note notes callout tip hint warning caution important example definition".split()  # noqa: SIM905
)
NOTE_ROLES = ("note", "doc-footnote", "doc-endnotes", "doc-tip", "doc-example")
WHOLE = frozenset(("html", "body", "main", "article"))
DEEPEST = 60  # characters of a place
ENOUGH = 500  # characters: whatever else stands on the page, this is a text
MANY_LINKS = 0.6  # of a block's characters
A_FEW_WORDS = 30  # characters beside the links, such as a date
LINKS_IN_A_ROW = 3
SMALL_SHARE, LARGE_SHARE = 0.2, 0.5


def place_within(outer: str, tag: str, attrs: Iterable[tuple[str, str | None]]) -> str:
    """Where the text inside of this tag stands, given where the tag does; the same place if it says nothing of it."""
    own = _place_of(tag, dict(attrs))
    if not own or len(outer) > DEEPEST:
        return outer
    return f"{outer}/{own}" if outer else own


def _place_of(tag: str, attrs: dict[str, str | None]) -> str:
    role = (attrs.get("role") or "").strip().lower()
    if tag == "aside" and (
        role in NOTE_ROLES or NOTES & set(WORDS.findall((attrs.get("class") or "")[:500].lower()))
    ):
        return ""
    if role in BY_ROLE or tag in TAGS:
        return BY_ROLE.get(role) or tag
    if tag in WHOLE:
        return ""
    return PERHAPS if _is_called_beside(tag, attrs) else ""


def _is_called_beside(tag: str, attrs: dict[str, str | None]) -> bool:
    """Whether its site gives it such a name."""
    classes = (attrs.get("class") or "")[:500].lower().split()
    own = (attrs.get("id") or "")[:100].lower()
    if tag in ANCHORED or any(name.startswith("sect") for name in classes):
        own = ""
    together = " ".join([own, *classes])
    if any(maker in together.replace("-", "").replace("_", "") for maker in NOTICE_MAKERS):
        return True
    words = set(WORDS.findall(together))
    if words & NOTICES and words & OF_NOTICES:
        return True
    if not words & SURROUNDINGS:
        return False
    of_id = set(WORDS.findall(own))
    return bool(of_id & SURROUNDINGS and of_id <= BESIDES) or any(
        words & SURROUNDINGS and not words & WITH_ONE
        for words in (set(WORDS.findall(name)) for name in classes)
    )


def main_blocks(blocks: Sequence[Block]) -> list[Block]:
    """The blocks that are the page's own text, in order; all of them where nothing better can be told."""
    blocks = list(_flat(blocks))
    said = _unless_empty(_without_surroundings(blocks), blocks)
    part = _marked(said, MAIN, SMALL_SHARE) or _marked(said, ARTICLE, LARGE_SHARE) or said
    chosen = _unless_empty(_without_lists_of_links(part), part)
    return _with_title(chosen, blocks)


def _flat(blocks: Iterable[Block]) -> Iterator[Block]:
    """What a table only arranges on the page stands for itself; tables are never nested deeply."""
    for block in blocks:
        if block.table is not None and block.table.is_layout:
            yield from _flat(block.table.blocks())
        else:
            yield block


def _without_surroundings(blocks: Sequence[Block]) -> list[Block]:
    left_out = {*CHROME, PERHAPS}
    in_forms = sum(size_of(block) for block in blocks if FORM in _places(block))
    if in_forms < LARGE_SHARE * _size(blocks):  # some sites are one form from top to bottom
        left_out.add(FORM)
    kept = [block for block in blocks if not left_out & set(_inner_places(block))]
    # Names that sites give are a guess: wrong where they leave little, or take away most of what is said.
    named = [block for block in blocks if not (left_out - {PERHAPS}) & set(_inner_places(block))]
    if _said(kept) < LARGE_SHARE * _said(named):
        kept = named
    if _size(kept) < SMALL_SHARE * _size(blocks):
        kept = [block for block in blocks if not CHROME & set(_inner_places(block))]
    return [block for block in kept if not _is_head_of_site(block)]


def _inner_places(block: Block) -> list[str]:
    """From the innermost main part on: what stands around that says nothing of what is in it."""
    places = _places(block)
    return places[len(places) - places[::-1].index(MAIN) :] if MAIN in places else places


def _is_head_of_site(block: Block) -> bool:
    places = _places(block)
    return HEADER in places and not {MAIN, ARTICLE} & set(places[: places.index(HEADER)])


def _marked(blocks: Sequence[Block], place: str, share: float) -> list[Block]:
    """Those in such a part of the page, if that is a text to speak of."""
    inside = [block for block in blocks if place in _places(block)]
    size = _size(inside)
    return inside if size >= ENOUGH or size > share * _size(blocks) else []


def _without_lists_of_links(blocks: Sequence[Block]) -> list[Block]:
    """Menus and lists of other pages; a single link is part of the text."""
    kept: list[Block] = []
    for are_links, group in groupby(blocks, key=_is_link):
        run = list(group)
        if not are_links or len(run) < LINKS_IN_A_ROW:
            kept += run
    return kept


def _is_link(block: Block) -> bool:
    size, links = size_of(block), links_of(block)
    return block.kind != "heading" and links >= MANY_LINKS * max(1, size) and size - links < A_FEW_WORDS


def _unless_empty(kept: list[Block], blocks: Sequence[Block]) -> list[Block]:
    """What is kept, unless that is hardly anything of a page that is little but links, say."""
    return kept if _size(kept) > SMALL_SHARE * _size(blocks) or _size(kept) >= ENOUGH else list(blocks)


def _with_title(chosen: list[Block], blocks: Sequence[Block]) -> list[Block]:
    """The page's own heading often stands above its main part."""
    if any(block.kind == "heading" and block.level == 1 for block in chosen):
        return chosen
    titles = (
        block for block in blocks if block.kind == "heading" and block.level == 1 and block.text
        and not {*CHROME, PERHAPS} & set(_places(block))
    )  # fmt: skip
    title = next(titles, None)
    return [title, *chosen] if title is not None else chosen


def _places(block: Block) -> list[str]:
    return block.place.split("/") if block.place else []


def _size(blocks: Iterable[Block]) -> int:
    return sum(size_of(block) for block in blocks)


def _said(blocks: Iterable[Block]) -> int:
    """Their size without links."""
    return sum(size_of(block) - links_of(block) for block in blocks)


def size_of(block: Block) -> int:
    return len(block.text) + sum(len(inner.text) for inner in _in_table(block))


def links_of(block: Block) -> int:
    return block.links + sum(inner.links for inner in _in_table(block))


def _in_table(block: Block) -> Iterable[Block]:
    return (inner for row in block.table.rows for cell in row for inner in cell.blocks) if block.table else ()
