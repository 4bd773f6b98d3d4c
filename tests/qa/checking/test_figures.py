"""A figure is found however it is written."""

import time

import pytest

from qa.answering.checking.figures import KnownFigures, figures


def unknown(text, source):
    """The figures of a text that a source does not hold."""
    known = KnownFigures.of(source)
    return [figure.text for figure in figures(text) if not known.has(figure, text[: figure.start])]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("1,250 people", "1250"),
        ("1250", "1.250"),
        ("1 250", "1,250"),
        ("1.250,50 Euro", "1,250.50"),
        ("twelve", "12 months"),
        ("12", "zwölf"),
        ("12", "douze"),
        ("twenty-one", "21"),
        ("einundzwanzig", "21"),
        ("two hundred people", "200"),
        ("3.9 million", "3,900,000"),
        ("3,9 Mio. Euro", "3.9 million"),
        ("EUR 3.9 million", "EUR million | 3.9"),
        ("about 4 million", "3.9 million"),
        ("more than 40", "42"),
        ("€1.2bn", "1,200,000,000"),
        ("390万", "3,900,000"),
        ("25 percent", "25%"),
        ("6 May 2024", "2024-05-06"),
        ("May 6, 2024", "06.05.2024"),
        ("6. Mai 2024", "6 May 2024"),
        ("May 2024", "2024-05-06"),
        ("2024年5月6日", "2024-05-06"),
        ("6 May 2024", "Calendar 2024: on 6 May"),
        ("2 pm", "14:00"),
        ("14:30", "2.30 pm"),
        ("22:00", "22 Uhr"),
        ("10 pm", "ab 22 Uhr"),
        ("030 555 12340", "030/55512340"),
        ("14.30 Uhr", "14:30"),
        ("٤٢ يورو", "42"),
        ("2024/25", "2024-25"),
        ("ISO 9001, A4 and B-12", "iso9001 a4 b12"),
        ("version 3.2.1", "v. 3.2.1"),
        ("5 m", "5 metres"),
        ("10–12 days", "10 to 12 days"),
    ],
)
def test_the_same_figure_is_found_in_another_form(text, source):
    assert unknown(text, source) == []


@pytest.mark.parametrize(
    ("text", "source", "figure"),
    [
        ("It costs 63 euros", "42 and 21 euros", "63"),  # a sum stands nowhere
        ("3.9 billion", "3.9 million", "3.9 billion"),
        ("4 million", "2 million", "4 million"),
        ("12,480", "14,280", "12,480"),
        ("7 May 2024", "2024-05-06", "7 May 2024"),
        ("2:30 pm", "2:30 am", "2:30 pm"),
        ("thirteen", "12 or 14", "thirteen"),
        ("22:15", "22 Uhr", "22:15"),
        ("030 555 98765", "030 55512340", "030 555 98765"),
        ("B-13", "B-12", "B-13"),
        ("3.2.2", "3.2.1", "3.2.2"),
    ],
)
def test_another_figure_is_not(text, source, figure):
    assert unknown(text, source) == [figure]


@pytest.mark.parametrize("unit", ["1,", "1 ", "12 345 ", "a1-", "1.", "1:", "twenty ", "may 1 ", "٤", "9"])
def test_odd_texts_take_time_in_proportion(unit):
    since = time.monotonic()
    text = (unit * 40_000)[:40_000]
    KnownFigures.of(text).has(figures(text)[0])
    assert time.monotonic() - since < 20
