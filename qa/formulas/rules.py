r"""Markdown rules for formulas: `\(..\)` in a line, `\[..\]` and `$$..$$` displayed. A single `$` is money."""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from typing import Any, NamedTuple

from django.utils.html import escape
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from qa.formulas.mathml import Budget, to_mathml

CLOSING = {r"\(": r"\)", r"\[": r"\]", "$$": "$$"}
# Models also escape brackets, as in \[1\] or \[sic\], and price ranges are written as $$ or $$$.
LIKE_A_FORMULA = re.compile(r"[\\^_=+*/<>{}×÷±≤≥≈≠∑∫√∞−·]|\w\s*-\s*\w\b|^\s*[^\W\d]{1,2}\s*$")
BLANK_LINE = re.compile(r"\n[ \t>]*\n")


class Formula(NamedTuple):
    """A formula in a text: its LaTeX, its delimiter, and where it ends."""

    latex: str
    opening: str
    end: int


def add_formulas(markdown: MarkdownIt) -> None:
    """Let Markdown find formulas. Those in code stay text."""
    markdown.inline.ruler.before("escape", "formula", _inline)
    # A displayed formula has lines such as "- b", which would begin a list.
    markdown.block.ruler.before("fence", "formula", _block, {"alt": ["paragraph", "blockquote", "list"]})
    markdown.add_render_rule("formula", _render)


def _inline(state: StateInline, silent: bool) -> bool:
    formula = _formula_at(state.src, state.pos, state.posMax, state.env)
    if not formula:
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.markup = formula.latex, formula.opening
    state.pos = formula.end
    return True


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read the lines of a displayed formula as one paragraph, whose inline content finds the formula again."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    if state.is_code_block(start_line) or state.src[start : start + 2] not in (r"\[", "$$"):
        return False
    formula = _formula_at(state.src, start, state.eMarks[end_line - 1], state.env)
    if not formula or BLANK_LINE.search(formula.latex):
        return False
    line = start_line
    while state.eMarks[line] < formula.end:
        line += 1
        if state.sCount[line] < state.blkIndent:
            return False
    if not silent:
        state.line = line + 1
        state.push("paragraph_open", "p", 1).map = [start_line, state.line]
        content = state.push("inline", "", 0)
        content.content = state.getLines(start_line, state.line, state.blkIndent, False).strip()
        content.map, content.children = [start_line, state.line], []
        state.push("paragraph_close", "p", -1)
    return True


def _formula_at(text: str, at: int, limit: int, env: MutableMapping[str, Any]) -> Formula | None:
    opening = text[at : at + 2]
    closing = CLOSING.get(opening)
    if closing is None or at + 4 > limit:
        return None
    # Where nothing closes, a text of openings only would be searched to its end for each of them.
    unclosed: dict[tuple[str, str], int] = env.setdefault("unclosed", {})
    if at >= unclosed.get((text, closing), len(text)):
        return None
    end = text.find(closing, at + 2)
    if end < 0:
        unclosed[text, closing] = at
        return None
    latex = text[at + 2 : end]
    if end + 2 > limit or not _is_formula(latex, opening):
        return None
    if opening == "$$" and "$" in (latex[0], text[at - 1 : at], text[end + 2 : end + 3]):
        return None
    return Formula(latex, opening, end + 2)


def _is_formula(latex: str, opening: str) -> bool:
    if opening == r"\(":
        return bool(latex.strip())
    return bool(LIKE_A_FORMULA.search(latex))


def _render(
    renderer: RendererProtocol,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    """Return MathML, or the formula's source as code where it cannot be converted."""
    latex, opening = tokens[index].content, tokens[index].markup
    source = f"{opening}{latex}{CLOSING[opening]}"
    budget = env.setdefault("formulas", Budget())
    is_displayed = opening != r"\("
    mathml = to_mathml(latex, source, is_displayed=is_displayed) if budget.allows(latex) else ""
    if not mathml:
        return f'<code dir="auto">{escape(source)}</code>'
    return f'<span class="formula">{mathml}</span>' if is_displayed else mathml
