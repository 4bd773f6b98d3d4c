"""Blocks of a written answer beyond plain Markdown: tables and code that scroll by keyboard, code in colours."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

from django.utils.html import escape, format_html
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML, RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

TOKEN_CLASS = "tok-"  # noqa: S105 - of the style sheet
MAX_COLOURED = 10_000  # characters; longer code has one colour
# Those that answers are likely to hold: every lexer is code that reads what a model wrote.
LANGUAGES = {
    "bash", "c", "cpp", "csharp", "css", "diff", "go", "html", "ini", "java", "javascript", "js", "json", "kotlin", "php", "python", "py",
    "r", "ruby", "rust", "sh", "shell", "sql", "swift", "toml", "ts", "typescript", "xml", "yaml", "yml",
}  # fmt: skip
Environment = MutableMapping[str, Any]


def add_blocks(markdown: MarkdownIt) -> None:
    """Let Markdown draw tables and code in boxes that can be reached by keyboard, and code in colours."""
    markdown.options["highlight"] = coloured
    markdown.add_render_rule("table_open", _open_table)
    markdown.add_render_rule("table_close", _close_table)
    for kind in ("fence", "code_block"):
        markdown.add_render_rule(kind, _code)


def coloured(code: str, language: str, _attributes: str) -> str:
    """Return code as HTML with a `tok-` class for each kind of word; escaped only, where the language is not known."""
    if language.lower() not in LANGUAGES or len(code) > MAX_COLOURED:
        return escape(code)
    # Few answers hold code: a process that drew none has not loaded Pygments.
    from pygments import highlight
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    formatter = HtmlFormatter(nowrap=True, classprefix=TOKEN_CLASS)
    return str(highlight(code, get_lexer_by_name(language.lower(), stripnl=False), formatter))


def _open_table(
    renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: Environment
) -> str:
    assert isinstance(renderer, RendererHTML)
    return _box("div", _("Table"), "table-box") + renderer.renderToken(tokens, index, options, env)


def _close_table(*_arguments: Any) -> str:
    return "</table></div>"


def _code(
    renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: Environment
) -> str:
    assert isinstance(renderer, RendererHTML)
    drawn = getattr(renderer, tokens[index].type)(tokens, index, options, env)
    return _box("pre", _("Code")) + str(drawn).strip().removeprefix("<pre>")


def _box(tag: str, label: str, kind: str = "code-box") -> str:
    """What scrolls sideways needs a name and must be reachable by keyboard (WCAG 2.1.1)."""
    return format_html('<{} class="{}" role="group" tabindex="0" aria-label="{}">', tag, kind, label)
