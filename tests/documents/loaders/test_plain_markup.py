import base64
import os
import random
import string

import pytest

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.text.embedded_data import strip_embedded_data
from documents.sources.uploads import clean_name, file_of_text


@pytest.fixture
def read(tmp_path):
    def reading(name, text):
        path = tmp_path / name
        path.write_text(text)
        return extract_pages(path, media_type=sniff(path.read_bytes(), name), name=name)

    return reading


TREE = [
    "guide.rst",
    "guide.adoc",
    "notes.org",
    "settings.json",
    "settings.yaml",
    "pyproject.toml",
    "setup.cfg",
]
TREE += [
    "tool.py",
    "main.rs",
    "App.tsx",
    "query.sql",
    "run.sh",
    "schema.graphql",
    "pom.xml",
    "paper.tex",
    "a.zig",
    "README",
]


@pytest.mark.parametrize("name", TREE)
def test_documentation_settings_and_source_code_are_read_as_they_are_written(read, name):
    text = "port = 7443  # The service listens here.\n"
    assert read(name, text).pages[0].text == text


def test_components_and_modules_of_mdx_go_and_what_they_enclose_stays(read):
    text = (
        "---\ntitle: Install\n---\nimport {Note} from './note'\nexport const a = 1\n\n# Install\n\n"
        "<Note type=\"tip\">The service listens on port 7443.</Note>\n\n```jsx\nimport x from 'y'\n<Note/>\n```\n"
    )
    extraction = read("install.mdx", text)
    shown = extraction.pages[0].text
    assert extraction.title == "Install"
    assert [heading.title for heading in extraction.pages[0].headings] == ["Install"]
    assert "\nThe service listens on port 7443.\n" in shown
    assert "./note" not in shown
    assert "export" not in shown
    assert "```jsx\nimport x from 'y'\n<Note/>\n```" in shown  # an example is not the page's own module


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.rst",
            "=====\nGuide\n=====\n\nUse it.\n\nStart\n-----\n\nRun ``svc``.\n\n- a list\n\nCode\n----\n",
        ),
        ("a.adoc", "= Guide\n\nUse it.\n\n== Start\n\n----\n= no heading\n----\n\n== Code\n"),
        ("a.org", "* Guide\n\nUse it.\n\n** TODO Start\n\n** Code\n"),
    ],
)
def test_headings_are_found_by_the_marks_of_each_language(read, name, text):
    page = read(name, text).pages[0]
    assert [(heading.level, heading.title) for heading in page.headings] == [
        (1, "Guide"),
        (2, "Start"),
        (2, "Code"),
    ]
    for heading in page.headings:
        assert heading.title in page.text[heading.offset :].split("\n")[0]


def test_front_matter_says_author_and_date(read):
    extraction = read("a.md", "---\ntitle: Lease\nauthor: Ada Lovelace\ndate: 2024-03-01\n---\nText.\n")
    assert extraction.title == "Lease"
    assert extraction.metadata == {"author": "Ada Lovelace", "creationdate": "2024-03-01"}


def test_each_row_of_a_long_table_in_markdown_names_its_columns(read):
    rows = "\n".join(f"| A-{number:04} | red | {3 * number} |" for number in range(1, 101))
    text = f"# Stock\n\n| Article | Colour | Stock |\n|---|:-:|--:|\n{rows}\n\nCounted in May.\n"
    shown = read("stock.md", text).pages[0].text
    assert "Article: A-0077 | Colour: red | Stock: 231\n" in shown
    assert "|---" not in shown
    assert shown.endswith("\n\nCounted in May.\n")


@pytest.mark.parametrize(
    ("header", "rule", "row"),
    [
        ("> | Article | Stock |", "> |---|--:|", "> | A-{} | 3 of them |"),
        ("- | Article | Stock |", "  |---|---|", "  | A-{} | 3 of them |"),
        ("    | Article | Stock |", "    |---|---|", "    | A-{} | 3 of them |"),
        ("Article | Stock", ":-- | ---", "A-{} | 3<br>of them"),
        ("| Art | Stock |\n| icle | |", "|---|---|", "| A-{} | 3 of them |"),
    ],
)
def test_tables_in_quotations_and_lists_name_their_columns_too(read, header, rule, row):
    rows = "\n".join(row.format(number) for number in range(100, 200))
    shown = read("stock.md", f"Counted in May:\n\n{header}\n{rule}\n{rows}\n").pages[0].text
    assert "A-177 | Stock: 3 of them\n" in shown
    assert "--" not in shown


NUMBERS = range(100, 200)


@pytest.mark.parametrize(
    "text",
    [
        "|===\n|Article |Stock\n\n" + "".join(f"|A-{n}\n|3 of them\n\n" for n in NUMBERS) + "|===\n",
        '[cols="1,a",options="header"]\n.Stock\n|===\n|Article\n|Stock\n'
        + "".join(f"|A-{n} a|3 of them\n" for n in NUMBERS)
        + "|===\n",
        '[%header,cols="2*"]\n|===\n|Article |Stock\n'
        + "".join(f"|A-{n} |3 of them\n" for n in NUMBERS)
        + "|===\n",
    ],
)
def test_tables_in_asciidoc_name_their_columns_in_each_row(read, text):
    shown = read("stock.adoc", f"= Stock\n\n{text}\nCounted in May.\n").pages[0].text
    assert "Article: A-177 | Stock: 3 of them\n" in shown
    assert shown.endswith("\n\nCounted in May.\n")


def test_grids_in_restructuredtext_name_their_columns_in_each_row(read):
    rule = "+-------+----------+\n"
    rows = rule.join(f"| A-{n} | 3 of     |\n|       | them     |\n" for n in NUMBERS)
    text = f"{rule}| Name  | Stock    |\n{rule.replace('-', '=')}{rows}{rule}"
    assert "Name: A-177 | Stock: 3 of them\n" in read("stock.rst", f"Stock:\n\n{text}\nEnd.\n").pages[0].text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.adoc", "|===\n2+|Both\n|a |b\n|===\n"),
        ("a.adoc", "|===\n|a |b\n\n|c\n|===\n"),
        ("a.adoc", "|===\n|never closed\n"),
        ("a.rst", "+---+---+\n| spans |\n+---+---+\n| a | b |\n+---+---+\n"),
        ("a.rst", "+---+---+\n| a | b |\n+   +---+\n|   | c |\n+---+---+\n"),
    ],
)
def test_a_table_whose_cells_cannot_be_counted_stays_as_it_is_written(read, name, text):
    assert read(name, text).pages[0].text == text


def test_a_table_without_names_for_its_columns_gives_them_none(read):
    rows = "\n".join(f"| A-{number} | red |" for number in range(100, 200))
    shown = read("stock.md", f"| | |\n|---|---|\n{rows}\n").pages[0].text
    assert shown.split("\n")[77] == "A-177 | red"


def test_a_very_wide_table_names_its_columns(read):
    cells = range(300)
    text = "\n".join("|" + "|".join(f"{kind}{n}" for n in cells) + "|" for kind in ("Day ", "wet ", "dry "))
    head, body = text.split("\n", 1)
    assert "Day 299: dry 299" in read("a.md", f"{head}\n{'|---' * 300}|\n{body}").pages[0].text


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("| a | b |\n|---|---|\n| c | d |", ".md"),
        ("a | b\n--- | :-:\nc | d", ".md"),
        ("a\n---\nb", ".txt"),
        ("a -- | b", ".txt"),
    ],
)
def test_a_pasted_table_is_read_as_one(text, ending):
    assert file_of_text("Stock", text).name == "Stock" + ending


def test_a_short_table_is_written_without_its_rule(read):
    text = "| Who | Cakes |\n| --- | --- |\n| Pensioners | 10 % |\n\nWithout a rule:\n\na | b\nc | d\n"
    assert read("a.md", text).pages[0].text == (
        "Who | Cakes\nPensioners | 10 %\n\nWithout a rule:\n\na | b\nc | d\n"
    )


def test_a_bar_within_a_cell_is_no_end_of_it_and_code_is_no_table(read):
    text = "| Key | Does |\n|---|---|\n| a\\|b | either |\n\n```\n| a | b |\n|---|---|\n```\n"
    assert read("a.md", text).pages[0].text == "Key | Does\na|b | either\n\n```\n| a | b |\n|---|---|\n```\n"


def data(length=40_000):
    return base64.b64encode(random.Random(4).randbytes(length)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "![plan][image1]\n\nThe boiler holds 80 litres.\n\n[image1]: <data:image/png;base64,{}>\n",
        "![plan](data:image/png;base64,{})\n\nThe boiler holds 80 litres.\n",
        '<img alt="plan" src="data:image/jpeg;base64,{}">\n\nThe boiler holds 80 litres.\n',
        '{{"image/png": "{}", "text": ["plan", "The boiler holds 80 litres."]}}\n',
        "![plan](data:image/svg+xml,%3Csvg%20d='M0{:.0}'/)\n\nThe boiler holds 80 litres.\n",
        "![plan](DATA:;base64,{})\n\nThe boiler holds 80 litres.\n",
        '{{"plan": ["data:image\\/png;base64,{}"], "text": "The boiler holds 80 litres."}}\n',
        "![plan](data:image/svg+xml;utf8,<svg width='{:.2}' />a(b)</svg>)\n\nThe boiler holds 80 litres.\n",
        "plan\ndata:application/pdf;name=a.pdf;base64,{}\nThe boiler holds 80 litres.\n",
    ],
)
def test_pictures_that_are_written_into_a_text_are_no_passages(read, text):
    end = "\\n" if text.startswith("{") else "\n"
    for content in (data(), end.join(data()[at : at + 76] for at in range(0, 8010, 89))):
        shown = read("manual.md", text.format(content)).pages[0].text
        assert "The boiler holds 80 litres." in shown
        assert "plan" in shown
        assert len(shown) < 200


@pytest.mark.parametrize("before", ["", "> ", "    ", '  "'])
def test_data_on_lines_of_its_own_is_no_passage(read, before):
    wrapped = "\n".join(before + data()[at : at + 76] for at in range(0, 7600, 76))
    shown = read("a.yaml", f"logo: |\n{wrapped}\nboiler: 80 litres\n").pages[0].text
    assert shown == "logo: |\nboiler: 80 litres\n"


@pytest.mark.parametrize(
    "text",
    [
        "a | b\n-" + " " * 100_000 + "x",
        "import" + " " * 100_000 + "x",
        "{/*" * 100_000,
        "data:a/b,x\n[a]:" + " " * 100_000 + "x",
        "data:image/svg+xml,<svg " * 50_000,
    ],
)
def test_hostile_texts_are_read_in_a_time_that_grows_with_them_alone(read, text):
    assert read("a.mdx", "The boiler.\n" + text).pages  # hours, where it grows with their square


def test_long_words_and_rules_are_no_data():
    for text in (
        "-" * 2000,
        "ACGT" * 500,
        "a" * 3000,
        "0123456789" * 100,
        "https://a.example/" + "word/" * 300,
    ):
        assert strip_embedded_data(text) == text


@pytest.mark.parametrize("name", ["index.php", "page.svelte", "view.erb", "snapshot.ts"])
def test_programs_and_templates_that_begin_like_a_web_page_keep_their_code(read, name):
    text = "<!DOCTYPE html>\n<html><body><?php function rent() { return 950; } ?></body></html>\n"
    assert read(name, text).pages[0].text == text


def test_a_text_that_speaks_of_a_format_is_not_taken_for_it():
    assert sniff(b"GIF8 was never a format. Rar! cried the lion.", "a.txt") == "text/plain"


@pytest.mark.parametrize("start", ['{"value": "', "data:a/b;base64,", "data:a/b"])
def test_megabytes_without_a_space_fit_into_the_memory_that_a_document_may_take(read, start):
    for signs in ("x", "\\/", ";x=y"):
        text = start + signs * (12_000_000 // len(signs)) + '" the boiler'
        assert read("a.json", text).pages[-1].text.endswith('" the boiler')


def test_a_file_that_is_no_text_is_refused_whatever_its_name():
    for name in ("a.json", "a.py", "a.xyz", "a"):
        with pytest.raises(UnreadableFile):
            sniff(os.urandom(4096), name)


@pytest.mark.parametrize("name", ["photo.png", "song.mp3", "tool.exe", "letter.docx"])
def test_a_text_under_the_name_of_something_else_is_refused(name):
    with pytest.raises(UnreadableFile) as refused:
        sniff(string.ascii_letters.encode(), name)
    assert "does not match its name" in str(refused.value.sentence)


@pytest.mark.parametrize("name", ["..", "../..", "a/..", ".", "", "\u202e.", " . "])
def test_a_name_that_is_none_is_replaced(name):
    assert clean_name(name) == "file"
