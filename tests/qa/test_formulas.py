r"""Formulas of written answers: which text is one, what it becomes, and what hostile ones can't do."""

import re
import time

import pytest

from qa.formulas import mathml
from qa.models import Question
from qa.rendering import ATTRIBUTES, TAGS, render_answer, render_markdown
from tests.qa.test_rendering import ROWS, Elements

NESTED_OPERATORS = r"\sideset{_1}{_2}{" * 100 + "x" + "}" * 100
LONG = "x+" * (mathml.MAX_LENGTH // 2) + "y"


def rendered(text):
    return render_markdown(text, ROWS)


@pytest.mark.parametrize(
    ("text", "display"),
    [
        (r"The area is \(\pi r^2\).", "inline"),
        (r"The area is \[\pi r^2\]", "block"),
        (r"The area is $$\pi r^2$$", "block"),
        ("The area:\n\\[\n\\pi r^2\n\\]\nof a circle", "block"),
        ("- The area is \\(\\pi r^2\\)\n- and more", "inline"),
        ("| area |\n|---|\n| \\(\\pi r^2\\) |", "inline"),
    ],
)
def test_a_formula_becomes_mathml(text, display):
    html = rendered(text)
    assert f'<math display="{display}"' in html
    assert "<mi>π</mi><msup><mi>r</mi><mn>2</mn></msup>" in html
    assert html.count('class="formula"') == (display == "block")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It costs $5, or $6 with milk.", "It costs $5, or $6 with milk."),
        ("Places with $$ are cheaper than those with $$$, and $$ than $$$$.", "than those with $$$"),
        (r"`\(x^2\)` and `$$y^2$$`", r"<code>\(x^2\)</code>"),
        ("```\n\\[x^2\\]\n```", r"\[x^2\]"),
        (r"So he said \[sic\] and left.", "said [sic] and"),
        (r"The price is \$\$5.", "$$5"),
        (r"An open \(x", "An open (x"),
    ],
)
def test_other_text_is_no_formula(text, shown):
    html = rendered(text)
    assert "<math" not in html
    assert shown in html


def test_an_escaped_marker_is_still_a_source():
    assert 'href="/citations/71/"' in rendered(r"It rains \[1\].")


def test_markdown_leaves_a_formula_alone():
    html = rendered("\\[\na_1 * b * c_2\n- d\n= e\n\\] [1]")
    assert "<em>" not in html
    assert "<li>" not in html
    assert html.count("<math") == 1
    assert "<mo>−</mo><mi>d</mi>" in html
    assert 'href="/citations/71/"' in html


def test_an_index_in_a_formula_is_no_source():
    html = rendered(r"With \(x_{[1]}\) it is \(y[2]\).")
    assert "cite" not in html


def test_a_formula_is_copied_as_its_source():
    assert r'alttext="\(a &lt; b\)"' in rendered(r"\(a < b\)")


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{1}",
        r"\unheardof{x}",
        r"\begin{matrix}a",
        "x^1^2",
        LONG,
        "{" * 900 + "x" + "}" * 900,
        r"\sqrt{" * 60 + "x" + "}" * 60,
        NESTED_OPERATORS,
        r"\newcommand{\a}{x}\a",
        r"\def\a{\a\a}\a",
    ],
)
def test_what_cannot_be_converted_is_shown_as_it_is(latex):
    html = rendered(rf"So \({latex}\) it is.")
    assert "<math" not in html
    assert rf"<code dir=\"auto\">\({latex}\)</code>".replace('\\"', '"') in html


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\text{<script>alert(1)</script>}",
        r"\text{</mtext></math><img src=x onerror=alert(1)>}",
        r"\text{&lt;script&gt;}&#x3c;script&#x3e;",
        r"\style{position:fixed;inset:0}{x}",
        r"\class{button}{x}",
        r"\unicode{3c}script\unicode{3e}",
        r"\textcolor{red}{x}\colorbox{red}{y}",
        r"\hspace{-99em}x\hspace{999em}",
        r"\rule{99em}{99em}",
        r"\raise{50em}{x}\moveleft{50em}{y}",
        r"\operatorname{<img src=x>}",
        r"\begin{array}{<script>}a\end{array}",
        r'x" onmouseover="alert(1)',
    ],
)
@pytest.mark.parametrize("around", [r"\({}\)", "\\[\n{}\n\\]"])
def test_a_hostile_formula_stays_a_formula(latex, around):
    html = rendered(around.replace("{}", latex, 1))
    for tag, attributes in Elements(html).found:
        assert tag in TAGS - {"a", "s"}
        assert set(attributes) <= ATTRIBUTES.get(tag, set())
        width = attributes.get("width") or "0"
        assert re.fullmatch(r"\d?(\.\d+)?(em|ex)?", width)
    assert "<script" not in html
    assert "<img" not in html


def test_very_many_formulas_are_converted_up_to_a_limit():
    since = time.monotonic()
    text = r"\(x^2\)" * 5_000
    html = render_answer(Question(answer=text, kind="written"), [])
    assert html.count("<math") == mathml.MAX_FORMULAS
    assert html.count(r"\(x^2\)</code>") == 5_000 - mathml.MAX_FORMULAS
    assert time.monotonic() - since < 20


def test_ten_thousand_formulas_are_plain_text():
    html = render_answer(Question(answer=r"\(x\) " * 10_000, kind="written"), [])
    assert "<math" not in html
    assert html.count(r"\(x\)") == 10_000


@pytest.mark.parametrize(
    "unit", [r"\(", r"\[", "$$", "\\[\n", "\\[\n\n", "- \\[\n", "> $$\n", r"[\(](\(]", r"\[x=", "$$ a"]
)
def test_openings_without_an_end_take_no_time(unit):
    since = time.monotonic()
    render_answer(Question(answer=(unit * 40_000)[:40_000], kind="written"), [])
    assert time.monotonic() - since < 20
