"""Which part of a web page is its text."""

import subprocess
import sys

import pytest

from documents.extraction.web.html import extract_html

LINES = (
    "The harbour is open on every day of the year, and ships of all sizes pay the same small fee there.",
    "Whoever stays for longer than a week asks the harbour master for a berth at the northern quay.",
    "Water and electricity are part of the fee; what is unloaded has to be declared on the same day.",
)
TEXT = "".join(f"<p>{line}</p>" for line in LINES)
SAID = "\n\n".join(LINES)
MENU = "<ul><li><a href=1>News</a><li><a href=2>Jobs</a><li><a href=3>Imprint</a></ul>"


def text_of(html):
    return extract_html(html).pages[0].text


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
    linked = TEXT.replace("harbour master", "<a href=x>harbour master</a>")
    assert text_of(f"<div>{MENU}</div>{linked}<div>{MENU}</div>") == SAID


def test_marks_that_leave_next_to_nothing_are_not_believed():
    assert SAID in text_of(f"<main>Loading</main><div>{TEXT}</div>")
    assert SAID in text_of(f'<div class="sidebar">{TEXT}</div>')
    assert SAID in text_of(f"<form id=aspnet>{TEXT}</form>")
    assert SAID in text_of(f"<nav>{TEXT}</nav>")
    assert "News" in text_of(MENU)


def test_a_page_of_many_articles_keeps_them_all():
    said = text_of("".join(f"<article><h2>Day {day}</h2>{TEXT}</article>" for day in range(3)))
    assert all(f"Day {day}" in said for day in range(3))


def test_depth_costs_nothing():
    assert text_of("<article>" * 20_000 + TEXT) == SAID


PAGES = {
    "an article with a notice, teasers and links to share it": (
        f"""<div class="cookie-consent"><p>We value your privacy and use cookies.</p><button>Accept</button></div><nav>{MENU}</nav>
        <article><h1>Fees of the harbour</h1><p class=byline>By Anna Berg, 12 May 2026</p>{TEXT}<h2>From June on</h2>
        <p>The fee rises to 23 euros a day, the council has decided.</p><aside><h3>Read also</h3><a href=1>A new pool</a></aside></article>
        <section><h2>Most read</h2><div><a href=2><h3>Storm uproots forty trees</h3></a><p>The fire brigade was called out on Sunday.</p></div></section>
        <footer>All rights reserved</footer>""",
        ("Fees of the harbour", *LINES, "From June on", "rises to 23 euros"),
        ("privacy", "News", "A new pool", "Most read", "fire brigade", "rights reserved"),
    ),
    "a page of a manual with its tree of pages": (
        f"""<div class=sidebar>{MENU}</div><div role=main><h1>The cache</h1>{TEXT}<h2>Backends</h2><ul><li><code>memory</code>: fast<li>redis: shared</ul>
        <pre>[cache]\nbackend = "redis"</pre><table><thead><tr><th>Name<th>Meaning</thead><tr><td>timeout<td>seconds until an entry expires</table>
        <h2>Clearing</h2><p>Run <code>acme cache clear</code> to remove all entries.</p></div><footer>Built with Sphinx</footer>""",
        ("The cache", "Backends", "memory: fast", "redis: shared", 'backend = "redis"', "until an entry expires", "acme cache clear"),
        ("Jobs", "Imprint", "Sphinx"),
    ),
    "a thread of a forum": (
        "<div><a href=1>Board index</a> <a href=2>Register</a></div><h1>Pump makes noise</h1>"
        + "".join(f"<div class=post><div class=author><a href=u>karl</a></div><div class=content><p>{line}</p></div></div>" for line in LINES)
        + "<div class=footer>Powered by phpBB</div>",
        ("Pump makes noise", *LINES),
        ("Board index", "Register", "phpBB"),
    ),
    "a by-law with short paragraphs and lists": (
        f"""<div id=nav><a href=1>Start</a> | <a href=2>Laws</a></div><h1>By-law on fees</h1><h2>§ 1 Duty</h2><p>(1) {LINES[0]}</p><p>(2) {LINES[1]}</p>
        <h2>§ 2 Amount</h2><p>(1) The fee is 21 euros a day.</p><p>(2) It is reduced</p><ol><li>for clubs by half,<li>for schools by three quarters.</ol>
        <h2>§ 3 Entry into force</h2><p>This by-law enters into force on 1 January 2026.</p><div><a href=4>Privacy</a></div>""",
        ("By-law on fees", "§ 1 Duty", "21 euros", "§ 2 Amount", "clubs by half", "three quarters", "§ 3 Entry", "1 January 2026"),
        ("Laws", "Privacy"),
    ),
    "a page that is laid out by tables and consists of them": (
        f"""<table width=100%><tr><td><a href=1>Home</a><br><a href=2>Ships</a><br><a href=3>Weather</a><td><h1>Tides in June</h1>
        <table border=1><tr><th>Day<th>High water<th>Low water{"".join(f"<tr><td>{day} June<td>{day % 9 + 4}:1{day % 6}<td>{day % 9 + 10}:4{day % 6}" for day in range(1, 15))}</table>
        <p>{LINES[0]}</p><table border=1><tr><th>Berth<th>Depth<tr><td>North quay<td>7.5 m<tr><td>Fish pier<td>4.2 m</table></table>""",
        ("Tides in June", "High water", "14 June", LINES[0], "North quay", "7.5 m"),
        ("Weather",),
    ),
    "an article in Chinese": (
        "<div class=nav><ul><li><a href=1>首页</a><li><a href=2>体育</a></ul></div><div class=article><h1>北港扩建工程将于三月开工</h1>"
        + "<p>市议会周二晚间表决通过了将四号电车线延长至北港的计划，结束了长达十一年的争论。</p><p>第一段工程将于二〇二七年三月开工，建设局局长在会后表示，总投资为八千四百万欧元。</p>" * 3
        + "</div><div class=footer>版权所有 © 2026 港口日报</div>",
        ("北港扩建工程将于三月开工", "十一年的争论", "八千四百万欧元"),
        ("体育", "版权所有"),
    ),
    "hours on a page with next to no text": (
        "<div class=menu><a href=1>Home</a></div><h1>Opening hours</h1><p>Monday to Friday 9:00 to 17:30</p><p>Phone 0512 333 444</p>",
        ("Opening hours", "9:00 to 17:30", "0512 333 444"),
        (),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("html", "said", "unsaid"), PAGES.values(), ids=PAGES)
def test_a_page_of_a_usual_kind_says_what_its_readers_come_for(html, said, unsaid):
    text = text_of(f"<html><head><title>Harbour</title></head><body>{html}</body></html>")
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []


def test_all_of_a_very_large_page_stays():
    assert text_of(f"<nav>{MENU}</nav>{TEXT}" + "<!-- -->" * 260_000).startswith("- News")


def test_a_page_that_would_take_for_ever_stays_whole(monkeypatch):
    monkeypatch.setattr("documents.extraction.web.article.CPU_SECONDS", 1)
    html = "<div class='a b c sidebar'>x</div>" * 20_000
    assert text_of(TEXT + html).startswith(f"{SAID}\n\nx")


def test_nothing_of_what_reads_pages_is_loaded_before_a_page_is_read():
    loaded = "import sys, documents.extraction.sandbox.server, documents.extraction.web.html; print('trafilatura' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True).stdout == "False\n"


def test_the_surroundings_of_a_docbook_page_are_left_out():
    links = "<tr><td><a href=1>Prev</a><td><a href=2>Up</a><td><a href=3>Next</a>"
    html = f"""<body id=docContent><div class=navheader><table><tr><th colspan=3>46.3. Fees{links}</table></div>
        <div class=sect1 id=PORT-SHARING><h2 class=title>46.3. Fees</h2>{TEXT}</div>
        <div class=navfooter><table>{links}<tr><td>46.2. Ships<td>Home<td>46.4. Berths</table></div>"""
    assert text_of(html) == f"46.3. Fees\n\n{SAID}"


def test_text_that_is_not_printed_and_footers_are_left_out():
    html = f"<div class=noprint><p>Log in to edit.</p></div><div><h1>Fees</h1>{TEXT}</div><div class=footer><p>© 2026 Port.</p></div>"
    assert text_of(html) == f"Fees\n\n{SAID}"
