"""An answer as safe HTML: Markdown without raw HTML and images, its numbers made links to the sources, then an allow-list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import nh3
from django.conf import settings
from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

from qa.answering.citations import MARKER
from qa.models import Citation, Question
from qa.models.question import AnswerKind
from qa.sentences import page_name

MAX_MARKDOWN_LENGTH = 40_000  # characters; what is longer is no answer, and shown as plain text
MAX_LINKS = 1_000  # numbers made links in one answer
MAX_DEPTH = 20  # blocks inside blocks
TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "hr", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title", "class", "hx-get", "hx-target", "hx-swap", "aria-label"},
    "s": {"class", "title"},
    "span": {"class"},
    "ol": {"start", "dir"},
    **{tag: {"dir"} for tag in ("blockquote", "code", "h3", "h4", "p", "pre", "table", "ul")},
}
QUOTE_NUMBER = re.compile(r"\[(\d{1,4})\]$")

markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": MAX_DEPTH}).enable(
    ["table", "strikethrough"]
)
# Without link definitions: a line that begins with `[1]: ` is a source's number and words, and would vanish.
markdown.disable(["image", "html_block", "html_inline", "reference"])


def render_answer(question: Question, citations: Sequence[Citation]) -> SafeString:
    """The answer's HTML. Quotes are shown as they are; only what a model wrote is Markdown."""
    rows = {row.number: row for row in citations}
    if question.kind == AnswerKind.WRITTEN and len(question.answer) <= MAX_MARKDOWN_LENGTH:
        return render_markdown(question.answer, rows)
    return render_quotes(question.answer, rows)


def render_markdown(text: str, rows: dict[int, Citation]) -> SafeString:
    tokens = markdown.parse(text.replace("\0", ""))
    links = Links(rows)
    for token in tokens:
        if token.nesting != -1 and token.level == 0 and token.type != "hr":
            token.attrSet(
                "dir", "auto"
            )  # of the outermost: inside, style sheets follow each paragraph's own letters
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h3" if token.tag in ("h1", "h2", "h3") else "h4"
        for child in token.children or []:
            if child.type == "link_open":
                _show_host(child)
        if token.children:
            token.children = list(_with_links(token.children, links))
    return mark_safe(_clean(markdown.renderer.render(tokens, markdown.options, {})))  # noqa: S308


def render_quotes(text: str, rows: dict[int, Citation]) -> SafeString:
    """Plain paragraphs; only the number that closes one is a reference."""
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
        attribute_filter=_only_ours,
    )


def _only_ours(tag: str, name: str, value: str) -> str | None:
    """Of the attributes that make a page act, and of addresses on this site, only those that we wrote ourselves."""
    own = value.removeprefix(settings.URL_PREFIX)
    if name.startswith("hx-"):
        return value if OURS[name].fullmatch(own) else None
    if name == "href":
        return value if FOREIGN.match(value) or CITATION_PATH.fullmatch(own) else None
    if name == "class":
        return value if value in CLASSES else None
    if name == "dir":
        return value if value == "auto" else None
    return value


FOREIGN = re.compile(r"https?://[^/]|mailto:", re.I)
CITATION_PATH = re.compile(r"/citations/\d+/")
OURS = {"hx-get": CITATION_PATH, "hx-target": re.compile("#panel"), "hx-swap": re.compile("innerHTML")}
CLASSES = {"cite", "cite cite-unknown", "cite cite-unconfirmed", "host"}


def urlsplit_safely(address: str):  # type: ignore[no-untyped-def]
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _show_host(link: Token) -> None:
    """Where a link leads is told beside it: its text is the model's, and may say anything."""
    link.meta["host"] = urlsplit_safely(str(link.attrGet("href") or "")).netloc


class Links:
    """The links of one answer, each made once."""

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


def _with_links(children: Iterable[Token], links: Links) -> Iterable[Token]:
    """Markers in running text become links; those in code, and inside other links, stay text."""
    depth, host = 0, ""
    for child in children:
        if child.type == "link_open":
            depth, host = depth + 1, child.meta.get("host", "")
        if child.type == "text" and not depth and MARKER.search(child.content):
            yield _html(_linked(child.content, links))
        else:
            yield child
        if child.type == "link_close":
            depth -= 1
            if host:
                yield _html(format_html(' <span class="host">({})</span>', host))


def _html(content: str) -> Token:
    return Token("html_inline", "", 0, content=content)


def _linked(text: str, links: Links) -> str:
    parts: list[str] = []
    at = 0
    for marker in MARKER.finditer(text):
        parts.append(escape(text[at : marker.start()]))
        parts += [links.to(int(number)) for number in re.findall(r"\d+", marker[1])]
        at = marker.end()
    return "".join([*parts, escape(text[at:])])


def cite_link(number: int, rows: dict[int, Citation]) -> SafeString:
    """The number as a link that opens its source; struck out where there is none, or where its words are not in it."""
    row = rows.get(number)
    if row is None:
        return format_html(
            '<s class="cite cite-unknown" title="{}">[{}]</s>', _("No source has this number."), number
        )
    if not row.pk or not row.is_readable:  # not saved yet, or not open to its reader any more
        return format_html('<span class="cite">[{}]</span>', number)
    names = {"number": number, "title": row.document_title, "place": page_name(row)}
    label = _("Source %(number)s: %(title)s, %(place)s") % names
    return format_html(
        '<a class="{0}" href="{1}" hx-get="{1}" hx-target="#panel" hx-swap="innerHTML" title="{2}" aria-label="{3}">[{4}]</a>',
        "cite" if row.is_confirmed else "cite cite-unconfirmed",
        reverse("qa:citation", args=[row.pk]),
        label if row.is_confirmed else _("The quoted words were not found in this source."),
        label,
        number,
    )
