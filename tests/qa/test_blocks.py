"""Tables and code of written answers."""

import pytest

from qa.rendering import render_markdown
from tests.qa.test_rendering import Elements


def classes(html):
    return {attributes.get("class") for _, attributes in Elements(html).found}


def test_code_has_the_colours_of_its_language():
    html = render_markdown('```python\ndef rain():\n    return "240"  # days\n```', {})
    assert '<span class="tok-k">def</span>' in html
    assert {"code-box", "tok-nf", "tok-s2", "tok-c1"} <= classes(html)


@pytest.mark.parametrize("language", ["", "klingon", "../../etc", "html+evoque", "<b>"])
def test_code_of_an_unknown_language_is_left_in_one_colour(language):
    html = render_markdown(f"```{language}\nif 1 < 2 & <b>:\n```", {})
    assert "if 1 &lt; 2 &amp; &lt;b&gt;:" in html
    assert not any((name or "").startswith("tok-") for name in classes(html))


def test_words_after_the_name_of_a_language_go_nowhere():
    assert "onmouseover" not in render_markdown("```python onmouseover=alert(1)\nx\n```", {})


@pytest.mark.parametrize("fence", ["```python\n{}\n```", "    {}"])
def test_very_long_code_stays_whole(fence):
    code = "x = 1; " * 3_000
    assert render_markdown(fence.format(code), {}).count("x = 1;") == 3_000


def test_markup_in_code_is_text_whatever_its_language():
    for language in ("html", "xml", "php", "javascript", ""):
        html = render_markdown(
            f"```{language}\n<script>alert(1)</script><img src=x onerror=alert(1)>\n```", {}
        )
        assert {tag for tag, _ in Elements(html).found} <= {"pre", "code", "span"}


@pytest.mark.parametrize(
    "text", ["| Town | Days |\n|---|---|\n| Bergen | 240 |", "```\nrain\n```", "    rain"]
)
def test_what_scrolls_sideways_can_be_reached_by_keyboard(text):
    _tag, box = Elements(render_markdown(text, {})).found[0]
    assert (box["tabindex"], box["role"]) == ("0", "group")
    assert box["aria-label"] in ("Table", "Code")


def test_a_marker_in_a_table_is_a_link_and_one_in_code_is_text():
    html = render_markdown("| Town |\n|---|\n| Bergen [1] |\n\n```python\nx[1]\n```", {})
    assert html.count('class="cite cite-unknown"') == 1
