"""Renders an answer as safe HTML: Markdown without raw HTML or images, links to sources, then an allow-list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import nh3
from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from qa.answer_marks import Marks, with_signs, without_signs
from qa.answering import parts
from qa.answering.checking import verdicts
from qa.answering.checking.verdicts import Check
from qa.answering.citing.markers import MARKER
from qa.citation_links import cite_link
from qa.formulas import mathml
from qa.formulas.rules import add_formulas
from qa.models import Citation, Question
from qa.models.question import AnswerKind
from qa.part_rendering import render_parts
from qa.rendering.blocks import TOKEN_CLASS, add_blocks

MAX_MARKDOWN_LENGTH = 40_000  # characters; longer answers are shown as plain text
MAX_LINKS = 1_000  # to sources, in one answer
MAX_DEPTH = 20  # of nested blocks
TAGS = {
    "a", "blockquote", "br", "code", "del", "div", "em", "h3", "h4", "hr", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup",
    "table", "tbody", "td", "th", "thead", "tr", "ul", *mathml.TAGS,
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title", "class", "hx-get", "hx-target", "hx-swap", "aria-label"},
    "s": {"class", "title"},
    "span": {"class", "title", "role", "aria-label"},
    "ol": {"start", "dir"},
    "div": {"class", "role", "tabindex", "aria-label"},
    "pre": {"class", "role", "tabindex", "aria-label", "dir"},
    **{tag: {"dir"} for tag in ("blockquote", "code", "h3", "h4", "p", "table", "ul")},
    **mathml.ATTRIBUTES,
}
QUOTE_NUMBER = re.compile(r"\[(\d{1,4})\]$")

markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": MAX_DEPTH}).enable(
    ["table", "strikethrough"]
)
# No link definitions: a line such as `[1]: words` would be taken for one and disappear.
markdown.disable(["image", "html_block", "html_inline", "reference"])
add_formulas(markdown)
add_blocks(markdown)


def render_answer(question: Question, citations: Sequence[Citation]) -> SafeString:
    """Return the answer as HTML. Only a model's answer is Markdown; quotes are plain text, drawn by their parts."""
    rows = {row.number: row for row in citations}
    if question.kind != AnswerKind.WRITTEN and question.parts:
        return render_parts(parts.from_json(question.parts), rows)
    if question.kind == AnswerKind.WRITTEN and len(question.answer) <= MAX_MARKDOWN_LENGTH:
        return render_markdown(question.answer, rows, verdicts.from_json(question.checks))
    return render_quotes(question.answer, rows)


def render_markdown(text: str, rows: dict[int, Citation], checks: Sequence[Check] = ()) -> SafeString:
    """Return Markdown as safe HTML, with links from its numbers to the citations and the marks of its check."""
    tokens = markdown.parse(with_signs(text.replace("\0", "\ufffd"), checks))
    links, marks = Links(rows), Marks(checks)
    for token in tokens:
        if token.nesting != -1 and token.level == 0 and token.type != "hr":
            # Outermost blocks only: inside them the style sheet sets each paragraph's direction.
            token.attrSet("dir", "auto")
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h3" if token.tag in ("h1", "h2", "h3") else "h4"
        for child in token.children or []:
            if child.type == "link_open":
                _show_host(child)
        token.content = without_signs(token.content)
        if token.children:
            marks.begin_block()
            token.children = list(_with_links(token.children, links, marks))
    return mark_safe(_clean(markdown.renderer.render(tokens, markdown.options, {})))  # noqa: S308


def render_quotes(text: str, rows: dict[int, Citation]) -> SafeString:
    """Return quotes as plain paragraphs; only the number at the end of one is a reference."""
    paragraphs = (paragraph for paragraph in text.split("\n\n") if paragraph)
    return format_html_join("", "{}", ((_quote_paragraph(paragraph, rows),) for paragraph in paragraphs))


def _quote_paragraph(paragraph: str, rows: dict[int, Citation]) -> SafeString:
    number = QUOTE_NUMBER.search(paragraph)
    if not number:
        return format_html('<p dir="auto">{}</p>', paragraph)
    words, link = paragraph[: number.start()].rstrip(), cite_link(int(number[1]), rows)
    return format_html('<blockquote dir="auto"><p>{} {}</p></blockquote>', words, link)


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
        attribute_filter=_allowed_value,
    )


def _allowed_value(tag: str, name: str, value: str) -> str | None:
    """Return the value of an attribute if it is safe: htmx attributes and local URLs only as `cite_link` writes them."""
    if tag in mathml.TAGS:
        return mathml.allowed_value(name, value)
    own = value.removeprefix(settings.URL_PREFIX)
    if name.startswith("hx-"):
        return value if HTMX_VALUES[name].fullmatch(own) else None
    if name == "href":
        return value if EXTERNAL_URL.match(value) or CITATION_PATH.fullmatch(own) else None
    if name == "class":
        return value if value in CLASSES or OF_CODE.fullmatch(value) else None
    if name == "role":
        return value if value in ("img", "group") else None
    if name == "tabindex":
        return value if value == "0" else None
    if name == "dir":
        return value if value == "auto" else None
    return value


EXTERNAL_URL = re.compile(r"https?://[^/]|mailto:", re.I)
CITATION_PATH = re.compile(r"/citations/\d+/")
HTMX_VALUES = {"hx-get": CITATION_PATH, "hx-target": re.compile("#panel"), "hx-swap": re.compile("innerHTML")}
OF_CODE = re.compile(rf"{TOKEN_CLASS}[a-z][a-z0-9]{{0,2}}")
CLASSES = {
    "cite",
    "cite cite-unknown",
    "cite cite-unconfirmed",
    "code-box",
    "formula",
    "host",
    "table-box",
    "unknown",
    "verdict verdict-weak",
    "verdict verdict-none",
}


def urlsplit_safely(address: str):  # type: ignore[no-untyped-def]
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _show_host(link: Token) -> None:
    """Store the host of a link, to show beside it: the link's text comes from the model and may mislead."""
    link.meta["host"] = urlsplit_safely(str(link.attrGet("href") or "")).netloc


class Links:
    """The links of one answer, each rendered once and MAX_LINKS in all."""

    def __init__(self, rows: dict[int, Citation]) -> None:
        self.rows, self.made = rows, dict[int, str]()
        self.left = MAX_LINKS

    def to(self, number: int) -> str:
        self.left -= 1
        if self.left < 0:
            return f"[{number}]"
        if number not in self.made:
            self.made[number] = cite_link(number, self.rows)
        return self.made[number]


def _with_links(children: Iterable[Token], links: Links, marks: Marks) -> Iterable[Token]:
    """Replace markers in running text by links; markers in code and inside links stay text."""
    depth, host = 0, ""
    for child in children:
        if child.type == "link_open":
            depth, host = depth + 1, child.meta.get("host", "")
        if child.type == "text":
            yield _html(marks.html(child.content) if depth else _linked(child.content, links, marks))
        else:
            yield _without_signs(child)
        if child.type == "link_close":
            depth -= 1
            if host:
                yield _html(format_html(' <span class="host">({})</span>', host))


def _html(content: str) -> Token:
    return Token("html_inline", "", 0, content=content)


def _without_signs(token: Token) -> Token:
    token.content = without_signs(token.content)
    for name, value in token.attrs.items():
        # An address has them percent-encoded.
        token.attrs[name] = re.sub(r"%EF%B7%[9A][0-9A-F]", "", without_signs(str(value)))
    return token


def _linked(text: str, links: Links, marks: Marks) -> str:
    parts: list[str] = []
    at = 0
    for marker in MARKER.finditer(text):
        parts.append(marks.html(text[at : marker.start()]))
        parts += [links.to(int(number)) for number in re.findall(r"\d+", marker[1])]
        at = marker.end()
    return "".join([*parts, marks.html(text[at:])])
