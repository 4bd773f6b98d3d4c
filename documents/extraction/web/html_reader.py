"""Build blocks from the visible text of an HTML page.

It makes one pass over the tags without a tree, so time is linear and nesting depth is harmless.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

from documents.extraction.blocks.blocks import Block
from documents.extraction.blocks.builder import BlockBuilder
from documents.extraction.web.html_attributes import (
    Attributes,
    has_control_class,
    integer_attribute,
    is_aria_hidden,
    is_hidden,
)
from documents.extraction.web.html_tags import (
    BLOCK_TAGS,
    CONTROL_TAGS,
    HEADING_TAGS,
    IGNORED_TAGS,
    IMPLIED_END_TAGS,
    LIST_TAGS,
    MAX_LOOKUP_DEPTH,
    META,
    VOID_TAGS,
)

SPACE = re.compile(r"\s+")


@dataclass
class WebPage:
    """The title, metadata and visible blocks of an HTML page."""

    title: str = ""
    language: str = ""
    description: str = ""
    author: str = ""
    published: str = ""
    blocks: list[Block] = field(default_factory=list)
    hidden: int = 0  # characters that the page hides
    is_partial: bool = False


class HTMLReader(HTMLParser):
    """Feeds the tags and text of a page to a block builder."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = WebPage()
        self.builder = BlockBuilder()
        self.open: list[str] = []
        self.count: Counter[str] = Counter()
        self.hidden_at = self.ignored_at = 0  # number of open elements when it started, including itself
        self.title_pieces: list[str] = []
        self.lists: list[list[int]] = []  # for each open list: whether it is numbered, and the next number

    def finish(self) -> WebPage:
        self.builder.end()
        self.page.title = SPACE.sub(" ", "".join(self.title_pieces)).strip()[:300]
        self.page.blocks = self.builder.pop_blocks()
        self.page.is_partial = self.builder.is_partial
        return self.page

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if tag in ("title", "meta", "html"):
            self._read_metadata(tag, dict(attrs))
        if tag in VOID_TAGS:
            self._void_element(tag)
            return
        if self.count["head"] and tag in BLOCK_TAGS:
            self.handle_endtag("head")
        self._close_implied(tag)
        self.open.append(tag)
        self.count[tag] += 1
        if not self.hidden_at and attrs and is_hidden(attrs):
            self.hidden_at = len(self.open)
        if not self.ignored_at and (
            tag in IGNORED_TAGS
            or is_aria_hidden(attrs)
            or (tag in CONTROL_TAGS and self._is_control(tag, attrs))
        ):
            self.ignored_at = len(self.open)
        if not (self.hidden_at or self.ignored_at):
            self._begin(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        # HTML ignores the slash; in XHTML the element is empty either way.
        self.handle_starttag(tag, attrs)
        if tag not in VOID_TAGS:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "p" and not self.count["p"]:
            self._end_visible("p")
        if tag in VOID_TAGS or not self.count[tag]:
            return
        while True:
            last = self.open[-1]
            self._pop()
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "title" and not self.count["svg"]:
            self.title_pieces.append(data[:1000])
        elif self.ignored_at:
            return
        elif self.hidden_at:
            self.page.hidden += sum(map(len, data.split()))
        else:
            self.builder.add_text(data if self.count["pre"] else SPACE.sub(" ", data))

    def unknown_decl(self, data: str) -> None:
        if data.startswith("CDATA["):
            self.handle_data(data[6:])

    def _read_metadata(self, tag: str, attrs: dict[str, str | None]) -> None:
        if tag == "html":
            self.page.language = (attrs.get("lang") or attrs.get("xml:lang") or "")[:20]
        elif tag == "meta":
            name = (attrs.get("name") or attrs.get("property") or attrs.get("itemprop") or "").lower()
            field, content = META.get(name, ""), SPACE.sub(" ", attrs.get("content") or "").strip()[:500]
            if field and not getattr(self.page, field):
                setattr(self.page, field, content)

    def _void_element(self, tag: str) -> None:
        if self.hidden_at or self.ignored_at:
            return
        if tag == "br":
            self.builder.add_text("\n")
        elif tag == "hr":
            self.builder.flush()

    def _close_implied(self, tag: str) -> None:
        """Close the elements whose end tag HTML allows to omit before this tag."""
        if tag in BLOCK_TAGS and self.open and self.open[-1] == "p":
            self._pop()
        closed, boundary = IMPLIED_END_TAGS.get(tag, (None, None))
        if closed is None or not any(self.count[name] for name in closed):
            return
        assert boundary is not None
        for depth in range(1, min(len(self.open), MAX_LOOKUP_DEPTH) + 1):
            name = self.open[-depth]
            if name in boundary:
                return
            if name in closed:
                for _ in range(depth):
                    self._pop()
                return

    def _is_control(self, tag: str, attrs: Attributes) -> bool:
        """Whether the element is a control or a line number. A button inside a heading may be a disclosure."""
        if tag == "button":
            return not any(self.count[name] for name in (*HEADING_TAGS, "dt", "summary", "legend"))
        return has_control_class(attrs)

    def _pop(self) -> None:
        tag = self.open.pop()
        self.count[tag] -= 1
        was_visible = not (self.hidden_at or self.ignored_at)
        if self.hidden_at > len(self.open):
            self.hidden_at = 0
        if self.ignored_at > len(self.open):
            self.ignored_at = 0
        if was_visible:
            self._end_visible(tag)

    def _begin(self, tag: str, attrs: Attributes) -> None:
        builder = self.builder
        if tag == "a":
            builder.is_link = True
        if tag not in BLOCK_TAGS:
            return
        if tag == "pre":
            builder.flush()
            builder.is_code = True
        if tag in HEADING_TAGS:
            builder.begin_block("heading", HEADING_TAGS[tag])
        elif tag in LIST_TAGS:
            builder.flush()
            self.lists.append([int(tag == "ol"), integer_attribute(attrs, "start", 1)])
        elif tag == "li":
            builder.begin_block("item", max(1, len(self.lists)), self._marker(attrs))
        elif tag == "dd":
            builder.begin_block("item", len(self.lists) + 1)
        elif tag in ("table", "tr", "td", "th", "thead"):
            self._begin_table_part(tag, attrs)
        elif not (tag == "p" and self.count["li"]):
            builder.begin_block(
                "item" if self.lists else "paragraph", max(1, len(self.lists)), self._pending_marker()
            )
        else:
            builder.flush()

    def _begin_table_part(self, tag: str, attrs: Attributes) -> None:
        if tag == "table":
            self.builder.begin_table()
        elif tag == "tr":
            self.builder.begin_row(is_header=bool(self.count["thead"]))
        elif tag in ("td", "th"):
            columns, rows = integer_attribute(attrs, "colspan", 1), integer_attribute(attrs, "rowspan", 1)
            self.builder.begin_cell(columns, rows, is_header=tag == "th")

    def _pending_marker(self) -> str:
        """The marker of the open item, if it has no text yet."""
        self.builder.flush()
        return self.builder.marker

    def _end_visible(self, tag: str) -> None:
        builder = self.builder
        if tag == "a":
            builder.is_link = False
        if tag not in BLOCK_TAGS:
            return
        builder.flush()
        if tag == "pre":
            builder.is_code = bool(self.count["pre"])
        if tag in LIST_TAGS and self.lists:
            self.lists.pop()
        if tag in ("td", "th"):
            builder.end_cell()
        elif tag == "table":
            builder.end_table()
        elif tag in HEADING_TAGS or tag in ("li", "dd", *LIST_TAGS):
            builder.begin_block("item" if self.lists else "paragraph", max(1, len(self.lists)))

    def _marker(self, attrs: Attributes) -> str:
        if not self.lists or not self.lists[-1][0]:
            return "- "
        number = integer_attribute(attrs, "value", self.lists[-1][1])
        self.lists[-1][1] = number + 1
        return f"{number}. "
