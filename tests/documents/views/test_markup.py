from itertools import pairwise

import pytest

from documents.extraction.text.markup_spans import markup_spans, without_markup


def read(text, media_type="text/markdown"):
    return without_markup(text, markup_spans(text, media_type))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("# Opening hours", "Opening hours"),
        ("### Opening hours ###", "Opening hours"),
        ("Opening hours\n=====", "Opening hours\n"),
        ("Opening hours\n---", "Opening hours\n"),
        ("- one\n* two\n+ three", "• one\n• two\n• three"),
        ("- [x] done", "• done"),
        ("1. first", "1. first"),
        ("> quoted", "quoted"),
        ("We open at **nine**, *daily*, __not__ _never_ ~~ten~~ ***both***.", "We open at nine, daily, not never ten both."),
        ("See [the list](http://x.example/a_(b) \"t\") and [this][ref].", "See the list and this."),
        ("![A map](map.png) of it", "A map of it"),
        ("<https://x.example> and `code *stays*`", "https://x.example and code *stays*"),
        ("a<br>b <b>c</b> <!-- hidden --> &amp; &lt;d&gt;", "a\nb c  & <d>"),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", "a · b\n\n1 · 2"),
        ("```python\nx = **not** # this\n```", "\nx = **not** # this\n"),
        ("[ref]: http://x.example", ""),
        ("\\*as written\\*", "*as written*"),
        ("2 * 3 * 4, snake_case_name, a*b*c", "2 * 3 * 4, snake_case_name, a*b*c"),
        ("**[Bold link](http://x.example)**", "Bold link"),
    ],
)  # fmt: skip
def test_a_person_reads_the_words_without_the_signs(written, words):
    assert read(written) == words


@pytest.mark.parametrize("media_type", ["text/plain", "application/pdf", "text/html", ""])
def test_other_kinds_of_files_are_shown_as_they_are(media_type):
    text = "# not a heading, __init__ and a * b * c <tag>"
    assert read(text, media_type) == text


@pytest.mark.parametrize(
    "unit", ["**", "*a", "[", "[a](", "`", "<a ", "&#", "| a ", "_a_", "> ", "- ", "~~", "!["]
)
def test_a_long_odd_text_is_read_to_its_end(unit):
    text = (unit * 50_000)[:50_000]
    found = markup_spans(text, "text/markdown")
    assert all(one.end <= two.start for one, two in pairwise(found))
    assert len(without_markup(text, found)) <= len(text)


def test_stretches_together_are_the_whole():
    text = "# A **title**\n\n- [one](http://x.example) *two*\n\n| a | b |\n|---|---|\n"
    found = markup_spans(text, "text/markdown")
    for cut in range(len(text)):
        assert without_markup(text, found, 0, cut) + without_markup(text, found, cut) == without_markup(
            text, found
        )
