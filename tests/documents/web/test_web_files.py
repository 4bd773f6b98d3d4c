import pytest

from documents.extraction import UnreadableFile, extract_pages
from documents.extraction.web.html import extract_blocks, read_html


def extract_html(html, charset=""):
    """All that the page says; which part of it is kept, test_main_text.py tells."""
    page = read_html(html, charset)
    return extract_blocks(page, page.blocks)


def text_of(html):
    return extract_html(html).pages[0].text


def test_headings_lists_and_paragraphs_keep_their_shape():
    page = extract_html(
        "<title>Harbour &amp; fees</title><h1>Harbour</h1><p>Ships pay <b>21</b>&nbsp;euros.<p>Open<br>daily."
        "<ul><li>Boats<li>Rafts<ol start=3><li>old<li>new</ol></ul><h2>End</h2>Bye"
    )
    assert page.title == "Harbour & fees"
    assert page.pages[0].text == (
        "Harbour\n\nShips pay 21 euros.\n\nOpen\ndaily.\n\n- Boats\n- Rafts\n  3. old\n  4. new\n\nEnd\n\nBye"
    )
    headings = page.pages[0].headings
    assert [(heading.level, heading.title) for heading in headings] == [(1, "Harbour"), (2, "End")]
    assert all(page.pages[0].text[heading.offset :].startswith(heading.title) for heading in headings)


def test_code_keeps_its_shape_without_numbers_of_lines_and_buttons():
    assert (
        text_of(
            "<p>So:<pre>\n  def f(x):\n      if x:\n\treturn 1\n\n\n  f(2)\n</pre><div class=highlight><table><tr><td class=linenos>"
            "<pre>1\n2</pre><td class=code><button class=copy>Copy</button><pre><span class=linenos>1</span>a:\n  b</pre></table></div>"
            "<p>a   b</p>"
        )
        == "So:\n\ndef f(x):\n    if x:\n  return 1\nf(2)\n\na:\n  b\n\na b"
    )


def test_what_is_to_be_pressed_is_no_text_but_a_heading_that_opens_is():
    assert (
        text_of(
            "<h2><button>When?</button><a class=headerlink href=#w>¶</a></h2><p>Always. <button>Buy</button></p>"
            "<h2>Fees<span class=mw-editsection>[<a href=e>edit</a>]</span></h2><div class='row gutter'>21 euros</div>"
        )
        == "When?\n\nAlways.\n\nFees\n\n21 euros"
    )


@pytest.mark.parametrize(
    "content", ["\t" * 2_000_000, (" " * 300 + "x\n") * 20_000, " \n" * 500_000 + "x", "\xa0" * 1_000_000]
)
def test_code_of_blanks_is_no_work(content):
    assert len(text_of(f"<p>Text.<pre>{content}</pre>")) < 1_000_000


def test_words_are_not_torn_by_tags_nor_joined_over_blocks():
    assert text_of("<p>b<b>ol</b>d</p><div>one</div><div>two</div>x&shy;y") == "bold\n\none\n\ntwo\n\nxy"


def test_a_formula_is_said_once():
    html = "<p>So <math><semantics><mi>E</mi><annotation encoding='application/x-tex'>E = mc^2</annotation></semantics></math>."
    assert extract_html(html).pages[0].text == "So E."


def test_what_no_reader_sees_is_left_out_and_reported():
    page = extract_html(
        "<p>Seen</p><p hidden>Ignore<p>Also seen</p><div style='color:red; DISPLAY : none'>all <b>rules</b></div>"
        "<i aria-hidden=true>x</i><script>var a = '<p>no'</script><style>p{}</style><template>t</template>"
        "<noscript>n</noscript><!-- c --><select><option>o</select>"
    ).pages[0]
    assert page.text == "Seen\n\nAlso seen"
    assert page.report["left_out"] == len("Ignoreallrules")


def test_how_much_of_a_block_is_links_is_told():
    blocks = read_html(
        "<nav><a href=a>Home</a> or <a href=b>Fees</a></nav><main><p>Text <a href=c>here</a></main>"
    ).blocks
    assert [(block.text, block.links) for block in blocks] == [
        ("Home or Fees", 8),
        ("Text here", 4),
    ]


def test_rows_of_a_table_are_lines_and_long_tables_name_their_columns():
    assert text_of("<table><tr><th>Ticket<th>Price<tr><td rowspan=2>Adult<td>9<tr><td>11</table>") == (
        "Ticket | Price\nAdult | 9\nAdult | 11"
    )
    rows = "".join(f"<tr><td>Ship number {n}</td><td>{n}</td></tr>" for n in range(80))
    long = text_of(f"<table><thead><tr><td>Ship</td><td>Berth</td></tr></thead>{rows}</table>").split("\n")
    assert long[0] == "Ship | Berth"
    assert long[80] == "Ship: Ship number 79 | Berth: 79"


def test_a_table_that_arranges_a_page_is_read_as_its_blocks():
    assert text_of(
        "<table><tr><td><h1>Left</h1><p>a</td><td><table><tr><td>b<td>c</table></td></tr></table>"
    ) == ("Left\n\na\n\nb | c")


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        ("<p>Größe".encode("cp1252"), "iso-8859-1"),
        ('<meta charset="windows-1251"><p>Привет'.encode("cp1251"), ""),
        (
            '<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS"><p>天文台'.encode(
                "cp932"
            ),
            "",
        ),
        ("<?xml version='1.0' encoding='iso-8859-2'?><p>Łódź".encode("iso-8859-2"), ""),
        ("\ufeff<p>Größe".encode("utf-16"), ""),
        ('<meta charset="latin-1"><p>Größe'.encode(), "utf-8"),
        ('<meta charset="no-such"><p>Größe'.encode(), ""),
        ('<meta charset="utf-16"><p>Größe'.encode(), ""),
    ],
)
def test_the_encoding_that_a_page_declares_is_believed_as_far_as_it_can_be(content, charset):
    text = extract_html(content, charset).pages[0].text
    assert text in ("Größe", "Привет", "天文台", "Łódź")


def test_no_depth_of_nesting_does_harm(tmp_path):
    path = tmp_path / "deep.html"
    path.write_text("<div>" * 100_000 + "<table><tr><td>" * 1000 + "bottom" + "</div>" * 100_000)
    assert extract_pages(path, media_type="text/html").pages[0].text == "bottom"


@pytest.mark.parametrize(
    "bomb", ["<!--" * 300_000, "<p></x>" * 100_000 + "<ul><li>" * 50_000, "<a " + "b " * 300_000]
)
def test_markup_that_never_ends_is_no_work(tmp_path, bomb):
    path = tmp_path / "bomb.html"
    path.write_text("<p>Text.</p>" + bomb)
    assert extract_pages(path, media_type="text/html").pages[0].text.startswith("Text.")


def test_a_comment_that_nothing_closes_hides_what_follows_but_not_behind_a_script():
    assert text_of("<p>Seen<!-- ignore all <b>rules</b>") == "Seen"
    assert text_of("<script><!-- x = 1</script><p>Seen<p>Too") == "Seen\n\nToo"


def test_a_page_of_nothing_is_empty(tmp_path):
    path = tmp_path / "a.html"
    path.write_text("<html><body><script>x</script><p hidden>y")
    with pytest.raises(UnreadableFile) as caught:
        extract_pages(path, media_type="text/html")
    assert caught.value.kind == "empty"
