"""How a document is read for an answer."""

from qa.answering.routes.reading import under_lone_lines

RULES = """House rules

Pets

Dogs need our consent. Cats do not.

Snakes are not allowed.

Quiet hours

Please be quiet after ten."""


def test_short_lines_between_paragraphs_are_headings_where_none_is_marked():
    sections = list(under_lone_lines(RULES))
    assert [section.title for section in sections] == ["Pets", "Quiet hours"]
    first = sections[0]
    assert RULES[first.body : first.end].split("\n\n") == [
        "Dogs need our consent. Cats do not.",
        "Snakes are not allowed.",
        "",
    ]
    assert sections[1].end == len(RULES)


def test_paragraphs_alone_make_no_sections():
    assert list(under_lone_lines("One paragraph ends here.\n\nAnother one follows it.")) == []
