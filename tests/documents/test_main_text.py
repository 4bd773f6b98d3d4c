"""Which part of a web page is its text."""

import pytest

from documents.extraction.main_text import place_within
from documents.extraction.web import pages_of_html

TEXT = "<p>The harbour is open on every day of the year, and ships of all sizes pay the same small fee there.</p>"
SAID = "The harbour is open on every day of the year, and ships of all sizes pay the same small fee there."
MENU = "<ul><li><a href=1>News</a><li><a href=2>Jobs</a><li><a href=3>Imprint</a></ul>"


def text_of(html):
    return pages_of_html(html).pages[0].text


def test_what_surrounds_the_text_is_left_out():
    html = f"""<title>Fees | Port</title><body class="has-sidebar cookie-shown">
        <div id="cookie-banner"><p>We use cookies.</p><button>Fine</button></div>
        <header><p>Port of Bergen</p><nav>{MENU}</nav></header>
        <div class="sidebar"><p>Subscribe now</p></div>
        <main><h1>Fees</h1>{TEXT}<aside>Did you know?</aside><form><label>Your mail</label></form>
        <table><tr><th>Ship<th>Fee<tr><td>Boat<td>21</table>{MENU}</main>
        <footer>All rights reserved</footer>"""
    assert text_of(html) == f"Fees\n\n{SAID}\n\nShip | Fee\nBoat | 21"


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<main>", "</main>"),
        ("<div role=main>", "</div>"),
        ("<article>", "</article>"),
        ("<section>", "</section>"),
    ],
)
def test_a_page_is_read_the_same_however_it_marks_its_text(opening, closing):
    html = f"<div role=navigation>{MENU}</div>{opening}<h1>Fees</h1>{TEXT}{closing}<div role=contentinfo>Imprint</div>"
    assert text_of(html) == f"Fees\n\n{SAID}"


def test_the_heading_of_a_page_may_stand_above_its_main_part():
    assert text_of(f"<header><h1>Fees</h1>{MENU}</header><main>{TEXT}</main>") == f"Fees\n\n{SAID}"
    assert text_of(f"<nav><h1>Menu</h1></nav><main><h1>Fees</h1>{TEXT}</main>") == f"Fees\n\n{SAID}"


def test_lists_of_links_go_and_links_within_the_text_stay():
    html = f"<div>{MENU}</div>{TEXT}<p><a href=x>One more</a></p><ul><li>A boat: <a href=y>21</a></ul>"
    assert text_of(html) == f"{SAID}\n\nOne more\n\n- A boat: 21"


def test_marks_that_leave_next_to_nothing_are_not_believed():
    assert SAID in text_of(f"<main>Loading</main><div>{TEXT * 8}</div>")
    assert SAID in text_of(f'<div class="sidebar">{TEXT * 8}</div>')
    assert SAID in text_of(f"<form id=aspnet>{TEXT}</form>")
    assert SAID in text_of(f"<nav>{TEXT}</nav>")
    assert "News" in text_of(MENU)


def test_a_page_of_many_articles_keeps_them_all():
    said = text_of("".join(f"<article><h2>Day {day}</h2>{TEXT}</article>" for day in range(3)))
    assert all(f"Day {day}" in said for day in range(3))


def test_a_table_that_arranges_a_page_hides_no_menu():
    said = text_of(f"<table><tr><td>{MENU}<td><h1>Fees</h1>{TEXT}</table>")
    assert said == f"Fees\n\n{SAID}"


@pytest.mark.parametrize(
    ("tag", "attributes", "place"),
    [
        ("div", {"id": "onetrust-consent-sdk"}, "perhaps"), ("div", {"class": "Cookie_Banner"}, "perhaps"),
        ("div", {"class": "cookie-recipe"}, ""), ("div", {"class": "with-sidebar"}, ""), ("body", {"class": "sidebar"}, ""),
        ("ul", {"class": "breadcrumbs"}, "perhaps"), ("div", {"role": "search"}, "form"), ("nav", {}, "nav"),
        ("section", {"role": "MAIN"}, "main"), ("p", {"class": None}, ""),
        ("section", {"id": "pagination"}, ""), ("h2", {"id": "sharing"}, ""), ("div", {"class": "sect1", "id": "SHARING"}, ""),
        ("div", {"id": "PLPYTHON-SHARING"}, ""), ("div", {"id": "subscribe-to-topics"}, ""), ("div", {"id": "main-sidebar"}, "perhaps"),
        ("div", {"class": "content sidebar-open"}, ""), ("div", {"class": "navfooter"}, "perhaps"), ("div", {"class": "sidebar no-print"}, "perhaps"),
        ("section", {"id": "cookie-consent-banner"}, ""), ("aside", {"class": "footnote brackets"}, ""), ("aside", {"role": "note"}, ""),
        ("aside", {"class": "related"}, "aside"),
    ],
)  # fmt: skip
def test_places_are_told_by_tags_roles_and_with_care_by_names(tag, attributes, place):
    assert place_within("", tag, attributes.items()) == place


def test_depth_costs_nothing():
    assert text_of("<article>" * 20_000 + TEXT) == SAID


def test_a_part_whose_name_only_sounds_like_surroundings_is_kept():
    html = f"<main><h1>Plans</h1>{TEXT}<section id=sharing><h2 id=sharing>Sharing</h2><p>Two may share.</p></section></main>"
    assert "Two may share." in text_of(html)
    html = f"<div class=navheader><p>Next: Fees</p></div><div class=newsletter-archive>{TEXT * 3}</div><p>Bye.</p>"
    assert SAID in text_of(html)


def test_footnotes_and_remarks_beside_a_text_are_part_of_it():
    html = f"<main><h1>Fees</h1>{TEXT}<aside class=footnote><p>[1] Since 1840.</p></aside><aside>Did you know?</aside></main>"
    assert text_of(html) == f"Fees\n\n{SAID}\n\n[1] Since 1840."


def test_the_surroundings_of_a_docbook_page_are_left_out():
    links = "<tr><td><a href=1>Prev</a><td><a href=2>Up</a><td><a href=3>Next</a>"
    html = f"""<body id=docContent><div class=navheader><table><tr><th colspan=3>46.3. Fees{links}</table></div>
        <div class=sect1 id=PORT-SHARING><h2 class=title>46.3. Fees</h2>{TEXT}</div>
        <div class=navfooter><table>{links}<tr><td>46.2. Ships<td>Home<td>46.4. Berths</table></div>"""
    assert text_of(html) == f"46.3. Fees\n\n{SAID}"


def test_what_is_not_printed_and_what_stands_below_is_left_out():
    html = f"<div class=noprint><p>Log in to edit.</p></div><div><h1>Fees</h1>{TEXT}</div><div class=footer><p>© 2026 Port.</p></div>"
    assert text_of(html) == f"Fees\n\n{SAID}"


def test_sentences_made_of_links_are_no_menu():
    item = "<li>Thanks to <a href=1>the new quay that was built last year</a>, ships no longer wait for <a href=2>the tide of the fjord</a>."
    assert text_of(f"<h1>Fees</h1>{TEXT}<ul>{item * 4}</ul>").count("Thanks to the new quay") == 4
