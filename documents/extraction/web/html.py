"""HTML to blocks and pages: what a browser would show of it, as far as the file itself says.

One pass over the tags, without a tree: the time is linear, and no depth of nesting does any harm. Nothing is fetched.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from documents.extraction.blocks.blocks import Block, PageWriter
from documents.extraction.blocks.builder import Collector
from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import Extraction
from documents.extraction.text.plain import MAX_BYTES, decode
from documents.extraction.web.article import main_blocks

DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
DECLARED_BY_XML = re.compile(rb"""^\s*<\?xml[^>]{0,100}encoding\s*=\s*["']([\w.:-]{2,40})""")
SPACE = re.compile(r"\s+")
INVISIBLE_STYLE = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)

HEADINGS = {f"h{level}": level for level in range(1, 7)}
VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr frame keygen".split()  # noqa: SIM905
)
# Never text for a reader.
SILENT = frozenset(
    "script style template noscript svg iframe object canvas audio video map select datalist rt rp head annotation annotation-xml".split()  # noqa: SIM905
)
# These are none if their site calls them so: numbers of lines, signs to link to a heading or to edit it.
CONTROLS = frozenset(("button", "td", "a", "span", "div"))
CONTROL = re.compile(
    r"(?:^|\s)(?:linenos|lineno|line-numbers-rows|headerlink|mw-editsection|mw-cite-backlink|mw-jump-link|hash-link)(?:\s|$)"
)
BLOCKS = frozenset(
    """address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table
    tbody td tfoot th thead tr ul""".split()  # noqa: SIM905
)
LISTS = frozenset(("ul", "ol", "menu", "dir"))
# What an opening tag closes if it is still open, and the tags behind which it does not look for it.
CLOSES = {
    "li": (frozenset(("li",)), LISTS),
    "dt": (frozenset(("dt", "dd")), frozenset(("dl",))),
    "dd": (frozenset(("dt", "dd")), frozenset(("dl",))),
    "tr": (frozenset(("tr",)), frozenset(("table",))),
    "td": (frozenset(("td", "th")), frozenset(("tr", "table"))),
    "th": (frozenset(("td", "th")), frozenset(("tr", "table"))),
    "thead": (frozenset(("thead", "tbody", "tfoot")), frozenset(("table",))),
    "tbody": (frozenset(("thead", "tbody", "tfoot")), frozenset(("table",))),
    "tfoot": (frozenset(("thead", "tbody", "tfoot")), frozenset(("table",))),
}
# What a page says of itself, by the names of its <meta>: HTML's own, Dublin Core's, Open Graph's, schema.org's.
META = {
    "description": "description",
    **dict.fromkeys(
        ("author", "dc.creator", "dcterms.creator", "article:author", "citation_author"), "author"
    ),
    **dict.fromkeys(
        (
            *("article:published_time", "date", "dc.date", "dcterms.created", "dcterms.date", "pubdate"),
            *("publication_date", "citation_publication_date", "citation_date", "datepublished"),
        ),
        "published",
    ),
}
LOOKED_THROUGH = 30  # open tags that are looked through for one that a tag closes unsaid


@dataclass
class WebPage:
    """What a page of HTML says: its title, what `<meta>` says of it, its visible text in blocks."""

    title: str = ""
    language: str = ""
    description: str = ""
    author: str = ""
    published: str = ""
    blocks: list[Block] = field(default_factory=list)
    hidden: int = 0  # characters that no reader of the page sees
    is_partial: bool = False


def load(path: Path) -> Extraction:
    """An HTML file's text in pages."""
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableFile("limit")
    return pages_of_html(path.read_bytes())


def pages_of_html(content: bytes | str, charset: str = "") -> Extraction:
    """The visible text of a page in pages; `charset` is what its sender said of it, if anything."""
    html = content if isinstance(content, str) else decode_html(content, charset)
    page = read_html(html)
    return pages_of_blocks(page, main_blocks(html, page.blocks))


def pages_of_blocks(page: WebPage, blocks: list[Block]) -> Extraction:
    """The same for some of its blocks."""
    writer = PageWriter()
    writer.add(blocks)
    writer.hide(page.hidden)
    known = {
        "language": page.language,
        "description": page.description,
        "author": page.author,
        "creationdate": page.published,
    }
    extraction = writer.extraction(page.title, {name: value for name, value in known.items() if value})
    extraction.is_partial |= page.is_partial
    return extraction


def read_html(content: bytes | str, charset: str = "") -> WebPage:
    """Everything that the page says, in order."""
    parser = PageParser()
    parser.feed(without_open_comments(content if isinstance(content, str) else decode_html(content, charset)))
    parser.close()
    return parser.finish()


def without_open_comments(html: str) -> str:
    """A comment that nothing closes goes on to the end; the parser would look for that end from each one anew.

    An element without text stands in for it, which inside a script is part of the script.
    """
    last = html.rfind("-->") + 1
    return html[:last] + html[last:].replace("<!--", "<template>")


def decode_html(content: bytes, charset: str = "") -> str:
    """By its byte-order mark, else as its sender or the page itself says, else by a guess."""
    declared = DECLARED_BY_XML.match(content[:500]) or DECLARED.search(content[:4096])
    named = charset or (declared[1].decode() if declared else "")
    return decode(content, named)


class PageParser(HTMLParser):
    """Follows the tags, and tells the collector what they mean."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = WebPage()
        self.collector = Collector()
        self.open: list[str] = []
        self.count: Counter[str] = Counter()
        self.hidden_at = self.silent_at = 0  # how many tags were open when it began, that one included
        self.title_pieces: list[str] = []
        self.lists: list[list[int]] = []  # for each open list: 1 if it is numbered, and the next number

    def finish(self) -> WebPage:
        self.collector.end()
        self.page.title = SPACE.sub(" ", "".join(self.title_pieces)).strip()[:300]
        self.page.blocks = self.collector.take()
        self.page.is_partial = self.collector.is_partial
        return self.page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("title", "meta", "html"):
            self._note(tag, dict(attrs))
        if tag in VOID:
            self._void(tag)
            return
        if self.count["head"] and tag in BLOCKS:
            self.handle_endtag("head")
        self._close_unsaid(tag)
        self.open.append(tag)
        self.count[tag] += 1
        if not self.hidden_at and attrs and is_hidden(attrs):
            self.hidden_at = len(self.open)
        if not self.silent_at and (
            tag in SILENT or is_for_eyes_only(attrs) or (tag in CONTROLS and self._is_control(tag, attrs))
        ):
            self.silent_at = len(self.open)
        if not (self.hidden_at or self.silent_at):
            self._begin(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # In HTML the slash means nothing; in XHTML an empty element has no text either way.
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "p" and not self.count["p"]:
            self._end_visible("p")
        if tag in VOID or not self.count[tag]:
            return
        while True:
            last = self.open[-1]
            self._pop()
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "title" and not self.count["svg"]:
            self.title_pieces.append(data[:1000])
        elif self.silent_at:
            return
        elif self.hidden_at:
            self.page.hidden += sum(map(len, data.split()))
        else:
            self.collector.text(data if self.count["pre"] else SPACE.sub(" ", data))

    def unknown_decl(self, data: str) -> None:
        if data.startswith("CDATA["):
            self.handle_data(data[6:])

    def _note(self, tag: str, attrs: dict[str, str | None]) -> None:
        if tag == "html":
            self.page.language = (attrs.get("lang") or attrs.get("xml:lang") or "")[:20]
        elif tag == "meta":
            name = (attrs.get("name") or attrs.get("property") or attrs.get("itemprop") or "").lower()
            field, content = META.get(name, ""), SPACE.sub(" ", attrs.get("content") or "").strip()[:500]
            if field and not getattr(self.page, field):
                setattr(self.page, field, content)

    def _void(self, tag: str) -> None:
        if self.hidden_at or self.silent_at:
            return
        if tag == "br":
            self.collector.text("\n")
        elif tag == "hr":
            self.collector.flush()

    def _close_unsaid(self, tag: str) -> None:
        """HTML lets many an end tag be left out; the next opening tag stands for it."""
        if tag in BLOCKS and self.open and self.open[-1] == "p":
            self._pop()
        closed, border = CLOSES.get(tag, (None, None))
        if closed is None or not any(self.count[name] for name in closed):
            return
        assert border is not None
        for depth in range(1, min(len(self.open), LOOKED_THROUGH) + 1):
            name = self.open[-depth]
            if name in border:
                return
            if name in closed:
                for _ in range(depth):
                    self._pop()
                return

    def _is_control(self, tag: str, attrs: list[tuple[str, str | None]]) -> bool:
        """Something to press or to count lines by. A heading may be a button that opens what is below it."""
        if tag == "button":
            return not any(self.count[name] for name in (*HEADINGS, "dt", "summary", "legend"))
        return any(name == "class" and value and CONTROL.search(value[:500]) for name, value in attrs)

    def _pop(self) -> None:
        tag = self.open.pop()
        self.count[tag] -= 1
        was_visible = not (self.hidden_at or self.silent_at)
        if self.hidden_at > len(self.open):
            self.hidden_at = 0
        if self.silent_at > len(self.open):
            self.silent_at = 0
        if was_visible:
            self._end_visible(tag)

    def _begin(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        collector = self.collector
        if tag == "a":
            collector.is_link = True
        if tag not in BLOCKS:
            return
        if tag == "pre":
            collector.flush()
            collector.is_code = True
        if tag in HEADINGS:
            collector.begin("heading", HEADINGS[tag])
        elif tag in LISTS:
            collector.flush()
            self.lists.append([int(tag == "ol"), number_in(attrs, "start", 1)])
        elif tag == "li":
            collector.begin("item", max(1, len(self.lists)), self._mark(attrs))
        elif tag == "dd":
            collector.begin("item", len(self.lists) + 1)
        elif tag in ("table", "tr", "td", "th", "thead"):
            self._begin_of_table(tag, attrs)
        elif not (tag == "p" and self.count["li"]):
            collector.begin(
                "item" if self.lists else "paragraph", max(1, len(self.lists)), self._pending_mark()
            )
        else:
            collector.flush()

    def _begin_of_table(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.collector.begin_table()
        elif tag == "tr":
            self.collector.begin_row(is_header=bool(self.count["thead"]))
        elif tag in ("td", "th"):
            columns, rows = number_in(attrs, "colspan", 1), number_in(attrs, "rowspan", 1)
            self.collector.begin_cell(columns, rows, is_name=tag == "th")

    def _pending_mark(self) -> str:
        """A block inside an item that has said nothing yet goes on with the item's mark."""
        self.collector.flush()
        return self.collector.mark

    def _end_visible(self, tag: str) -> None:
        collector = self.collector
        if tag == "a":
            collector.is_link = False
        if tag not in BLOCKS:
            return
        collector.flush()
        if tag == "pre":
            collector.is_code = bool(self.count["pre"])
        if tag in LISTS and self.lists:
            self.lists.pop()
        if tag in ("td", "th"):
            collector.end_cell()
        elif tag == "table":
            collector.end_table()
        elif tag in HEADINGS or tag in ("li", "dd", *LISTS):
            collector.begin("item" if self.lists else "paragraph", max(1, len(self.lists)))

    def _mark(self, attrs: list[tuple[str, str | None]]) -> str:
        if not self.lists or not self.lists[-1][0]:
            return "- "
        number = number_in(attrs, "value", self.lists[-1][1])
        self.lists[-1][1] = number + 1
        return f"{number}. "


def is_hidden(attrs: list[tuple[str, str | None]]) -> bool:
    for name, value in attrs:
        if name == "hidden":
            return True
        if name == "style" and value and INVISIBLE_STYLE.search(value[:2000]):
            return True
    return False


def is_for_eyes_only(attrs: list[tuple[str, str | None]]) -> bool:
    """Ornaments and icons: seen, and not read out to whoever cannot see."""
    return any(name == "aria-hidden" and (value or "").strip().lower() == "true" for name, value in attrs)


def number_in(attrs: list[tuple[str, str | None]], name: str, otherwise: int) -> int:
    """The number that an attribute holds, if it is one that a page could mean."""
    for key, value in attrs:
        if key == name and value and re.fullmatch(r"\s*-?\d{1,6}\s*", value):
            return int(value)
    return otherwise
