"""Which addresses may be fetched; the others are refused before a connection is made."""

import gzip
import socket
import threading
import time
import zlib
from ipaddress import ip_address, ip_network

import pytest

from documents.extraction import UnreadableFile
from documents.sources.web import Address, SiteUnavailable, client, fetch_page, is_public, without_credentials
from documents.sources.web.addresses import admits
from tests.support.web_site import answer, redirect

MAX_COUNT = 1_000_000


def fetched(url, *, allowed=(), max_bytes=MAX_COUNT, **said):
    with fetch_page(url, max_bytes=max_bytes, allowed=allowed, **said) as page:
        return page, page.file.read() if page.file else None


@pytest.fixture
def loopback():
    return [ip_network("127.0.0.1/32")]


PRIVATE_HOSTS = [
    "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "2130706433", "0x7f000001",
    "0177.0.0.1", "127.1", "0", "127.0.0.1.", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "127.255.255.254",
    "１２７.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
def test_no_name_of_this_machine_is_connected_to(web_site, host):
    with pytest.raises(UnreadableFile) as refused:
        fetched(f"http://{host}:{web_site.port}/")

    assert refused.value.kind in ("page_private", "page_address")
    assert str(refused.value.sentence).endswith(".")
    assert web_site.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/", "http://[fd00::1]/", "http://10.0.0.1/", "http://100.64.0.1/",
        "http://192.168.1.1/", "http://[fe80::1]/", "http://224.0.0.1/", "http://255.255.255.255/", "http://198.18.0.1/",
        "http://[64:ff9b::a9fe:a9fe]/", "http://[::ffff:169.254.169.254]/", "http://[2002:a9fe:a9fe::1]/", "http://[fec0::1]/",
    ],
)  # fmt: skip
def test_private_networks_and_the_clouds_own_address_are_refused(url):
    with pytest.raises(UnreadableFile) as refused:
        fetched(url)
    assert refused.value.kind == "page_private"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("::ffff:8.8.8.8", True), ("64:ff9b::8.8.8.8", True),
        ("::ffff:10.0.0.1", False), ("64:ff9b::10.0.0.1", False), ("64:ff9b:1::8.8.8.8", False),
        ("192.0.0.192", False), ("168.63.129.16", False), ("192.88.99.1", False), ("3fff::1", False), ("5f00::1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False), ("240.0.0.1", False), ("192.0.2.1", False),
    ],
)  # fmt: skip
def test_an_address_is_public_or_it_is_not(address, expected):
    assert is_public(ip_address(address)) is expected


def test_only_the_usual_ports_of_public_machines_and_any_of_the_operators_networks():
    public, own = ip_address("8.8.8.8"), ip_address("10.1.2.3")
    assert admits(public, 443, ())
    assert not admits(public, 25, ())
    assert admits(own, 3000, [ip_network("10.0.0.0/8")])
    assert admits(ip_address("::ffff:10.1.2.3"), 3000, [ip_network("10.0.0.0/8")])
    assert not admits(own, 3000, [ip_network("10.9.0.0/16")])


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/",
        "http://localhost.localdomain:{port}/",
        "//[::1]:{port}/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "http://me:word@127.0.0.1:{port}/",
        "http://[",
        "http://2130706434:{port}/",
        "/" + "a" * 5000,
    ],
)
def test_a_redirect_is_checked_like_any_address(web_site, loopback, target):
    web_site.pages["/"] = redirect(target.format(port=web_site.port))
    before = web_site.connections
    with pytest.raises((UnreadableFile, SiteUnavailable)) as refused:
        fetched(web_site.url, allowed=loopback)

    assert refused.value.kind in ("page_private", "page_astray", "page_no_site", "page_unreachable")
    assert "word" not in str(refused.value)
    assert web_site.connections == before + 1


def test_a_name_is_resolved_once_and_the_connection_uses_that_address(web_site, monkeypatch):
    answers = iter([[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", web_site.port))]] * 5)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: next(answers))
    with pytest.raises(UnreadableFile) as refused:
        fetched(f"http://rebound.example:{web_site.port}/")
    assert (refused.value.kind, web_site.connections) == ("page_private", 0)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("ftp://example.org/", "page_address"), ("javascript:alert(1)", "page_address"), ("example.org", "page_address"),
        ("http://", "page_address"), ("http://user:word@example.org/", "page_credentials"), ("http://a b/", "page_address"),
        ("http://example.org:99999/", "page_address"), ("http://exa\r\nmple.org/", "page_address"),
        ("http://ex\\ample.org/", "page_address"), ("https://" + "a" * 3000, "page_address"), ("http://[::1/", "page_address"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "page_address"), ("http://user@127.0.0.1/", "page_credentials"),
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_page_is_refused_in_words(url, kind):
    with pytest.raises(UnreadableFile) as refused:
        Address.parse(url)
    assert refused.value.kind == kind
    assert str(refused.value.remedy)


def test_an_address_keeps_its_letters_and_loses_its_fragment():
    address = Address.parse(" https://bücher.example/straße?q=ä b%20c#part ".replace("ä b", "äb"))
    assert address.text == "https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%A4b%20c"


def test_nothing_of_ours_goes_along_but_our_name(web_site, loopback, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    web_site.pages["/"] = answer("Hello.", Set_Cookie="a=b")
    web_site.pages["/from"] = redirect("/")
    fetched(web_site.url + "/from", allowed=loopback)

    sent = web_site.asked[-1][1]
    assert set(sent) == {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert "ragsite" in sent["user-agent"]


def test_redirects_lead_on_five_times_and_no_more(web_site, loopback):
    for step in range(7):
        web_site.pages[f"/{step}"] = redirect(f"/{step + 1}")
    web_site.pages["/7"] = answer("There.")

    assert fetched(f"{web_site.url}/2", allowed=loopback)[1] == b"There."
    with pytest.raises(UnreadableFile) as refused:
        fetched(f"{web_site.url}/0", allowed=loopback)
    assert refused.value.kind == "page_loop"


@pytest.mark.parametrize(
    ("status", "kind", "is_passing"),
    [
        (404, "page_gone", False), (410, "page_gone", False), (401, "page_sign_in", False), (403, "page_sign_in", False),
        (451, "page_refused", False), (204, "page_refused", False), (429, "page_busy", True), (503, "page_busy", True),
        (500, "page_fault", True), (502, "page_fault", True),
    ],
)  # fmt: skip
def test_every_refusal_of_a_site_has_its_sentence(web_site, loopback, status, kind, is_passing):
    web_site.pages["/"] = answer(status=status)
    with pytest.raises(SiteUnavailable if is_passing else UnreadableFile) as refused:
        fetched(web_site.url, allowed=loopback)
    assert refused.value.kind == kind
    assert str(refused.value.sentence).endswith(".")


def test_too_much_is_refused_whether_the_site_says_so_or_not(web_site, loopback):
    web_site.pages["/said"] = answer("x" * 2000)
    web_site.pages["/unsaid"] = answer("x" * 2000, Content_Length=None)
    for path in ("/said", "/unsaid"):
        with pytest.raises(UnreadableFile) as refused:
            fetched(web_site.url + path, allowed=loopback, max_bytes=1000)
        assert refused.value.kind == "page_large"


def test_a_few_packed_bytes_never_become_many(web_site, loopback):
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush()
    web_site.pages["/"] = answer(bomb, Content_Encoding="gzip")
    with pytest.raises(UnreadableFile) as refused:
        fetched(web_site.url, allowed=loopback)
    assert refused.value.kind == "page_large"

    web_site.pages["/"] = answer(zlib.compress(b"It rains in Bergen."), Content_Encoding="deflate")
    assert fetched(web_site.url, allowed=loopback)[1] == b"It rains in Bergen."


def test_a_page_that_breaks_off_may_be_tried_again(web_site, loopback):
    web_site.pages["/"] = answer("Half a", Content_Length="100")
    with pytest.raises(SiteUnavailable) as away:
        fetched(web_site.url, allowed=loopback)
    assert away.value.kind == "page_broken_off"


def test_a_site_that_drips_is_given_up_in_the_end(web_site, loopback, monkeypatch):
    monkeypatch.setattr(client, "TOTAL_SECONDS", 0.6)
    is_over = threading.Event()

    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        while not is_over.wait(0.05):
            handler.wfile.write(b"x")

    web_site.pages["/"] = drip
    began = time.monotonic()
    with pytest.raises(SiteUnavailable) as away:
        fetched(web_site.url, allowed=loopback)
    is_over.set()
    assert away.value.kind == "page_timeout"
    assert time.monotonic() - began < 10


def test_a_silent_site_is_given_up(loopback, monkeypatch):
    monkeypatch.setitem(client.TIMEOUTS["timeout"], "read", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(SiteUnavailable) as away:
            fetched(f"http://127.0.0.1:{silent.getsockname()[1]}/", allowed=loopback)
    assert away.value.kind == "page_timeout"


def test_a_site_that_is_not_there_may_come_back(loopback):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(SiteUnavailable) as away:
            fetched(f"http://127.0.0.1:{unused.getsockname()[1]}/", allowed=loopback)
    assert away.value.kind == "page_unreachable"


@pytest.mark.parametrize("kind", ["image/png", "video/mp4", "audio/ogg"])
def test_images_and_videos_are_not_fetched(web_site, loopback, kind):
    web_site.pages["/"] = answer("x", kind=kind)
    with pytest.raises(UnreadableFile) as refused:
        fetched(web_site.url, allowed=loopback)
    assert refused.value.kind == "unsupported"


def test_an_encoding_that_only_the_site_names_is_not_lost(web_site, loopback):
    web_site.pages["/"] = answer("Das Maß der Dinge".encode("latin-1"), kind="text/html; charset=ISO-8859-1")
    assert fetched(web_site.url, allowed=loopback)[1].decode("utf-8-sig") == "Das Maß der Dinge"
    web_site.pages["/"] = answer("Maß".encode("utf-16-le"), kind="text/html; charset=utf-16-le")
    assert fetched(web_site.url, allowed=loopback)[1].decode("utf-8-sig") == "Maß"
    web_site.pages["/"] = answer(b"plain", kind="text/plain; charset=punycode")
    assert fetched(web_site.url, allowed=loopback)[1] == b"plain"


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/", "text/html", "127.0.0.1.html"), ("/guide", "text/html; charset=utf-8", "guide.html"),
        ("/get.php", "application/pdf", "get.pdf"), ("/README.md", "text/plain", "README.md"),
        ("/notes", "text/plain", "notes.txt"), ("/handbook.pdf", "application/octet-stream", "handbook.pdf"),
        ("/a%20b/c%2Fd.html", "", "d.html"),
    ],
)  # fmt: skip
def test_a_page_is_called_by_its_address_and_its_sites_word(web_site, loopback, path, kind, name):
    web_site.pages[path] = answer("x", kind=kind or None)
    assert fetched(web_site.url + path, allowed=loopback)[0].name == name


def test_a_site_may_say_that_nothing_has_changed(web_site, loopback):
    web_site.pages["/"] = answer(status=304)
    page, content = fetched(
        web_site.url, allowed=loopback, etag='"7"', last_modified="Sat, 21 Nov 2026 10:00:00 GMT"
    )
    assert (page.file, content) == (None, None)
    assert web_site.asked[0][1]["if-none-match"] == '"7"'
    with pytest.raises(UnreadableFile):  # unasked for
        fetched(web_site.url, allowed=loopback)


def test_a_page_that_names_its_old_encoding_twice_is_not_read_twice_in_it(web_site, loopback, tmp_path):
    from documents.extraction import extract_pages

    html = '<meta charset="iso-8859-1"><p>Das Maß fällt über die Größe.</p>'
    for encoding in ("latin-1", "utf-8"):
        web_site.pages["/"] = answer(html.encode(encoding), kind="text/html; charset=ISO-8859-1")
        path = tmp_path / "page.html"
        path.write_bytes(fetched(web_site.url, allowed=loopback)[1])
        assert extract_pages(path, media_type="text/html").pages[0].text == "Das Maß fällt über die Größe."


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://EXAMPLE.org:80", "http://example.org/"), ("https://example.org.:443/?a#b", "https://example.org/?a"),
        ("http://example.org/a/../b/./c", "http://example.org/b/c"), ("http://example.org/%2e%2E/x", "http://example.org/x"),
        ("http://example.org/a/..", "http://example.org/"), ("http://example.org/a/b/.", "http://example.org/a/b/"),
        ("http://example.org/%7euser/%2fx?%7e", "http://example.org/~user/%2Fx?~"),
        ("http://example.org//a//", "http://example.org//a//"), ("http://example.org/100%", "http://example.org/100%"),
        ("https://faß.example/", "https://xn--fa-hia.example/"), ("https://example。org/", "https://example.org/"),
        ("https://раураl.example/", "https://xn--l-7sba6dbr.example/"),
    ],
)  # fmt: skip
def test_one_page_has_one_address_and_is_shown_where_it_really_is(url, text):
    assert Address.parse(url).text == text
    assert Address.parse(text).text == text


@pytest.mark.parametrize(
    "url",
    ["http://[fe80::1%25eth0]/", "http://[2606:4700::1111%25lo]/", "http://a..example/", "http://.example/", "http://example.org:0/",
     "https://example.org/" + "ä" * 900, "http://" + "ß" * 70 + ".example/"],
)  # fmt: skip
def test_what_would_not_fit_or_means_one_network_card_is_no_address(url):
    with pytest.raises(UnreadableFile) as refused:
        Address.parse(url)
    assert refused.value.kind == "page_address"


@pytest.mark.parametrize(
    "url", ["https://me:word@example.org/x", "https:me:word@example.org", "https:/\\me:word@x", "me:word@x"]
)
def test_a_password_in_an_address_is_never_shown_again(url):
    shown = without_credentials(url)
    assert "word" not in shown
    assert without_credentials("https://example.org/@user?mail=a@b") == "https://example.org/@user?mail=a@b"


def test_a_redirect_may_be_written_as_browsers_take_it(web_site, loopback):
    web_site.pages["/stra%C3%9Fe%20b"] = answer("There.")
    web_site.pages["/"] = answer(status=302, Location="/straße b".encode().decode("latin-1"))
    assert fetched(web_site.url, allowed=loopback)[1] == b"There."


def test_a_page_packed_in_several_pieces_is_whole(web_site, loopback):
    packed = gzip.compress(b"It rains ") + gzip.compress(b"in Bergen.")
    for padding in (b"", bytes(20)):
        web_site.pages["/"] = answer(packed + padding, Content_Encoding="gzip")
        assert fetched(web_site.url, allowed=loopback)[1] == b"It rains in Bergen."


def test_compressed_bytes_without_content_are_not_read_forever(web_site, loopback):
    nothing = zlib.compress(b"x")[:2] + b"\x00\x00\x00\xff\xff" * 50_000  # blocks of no length
    web_site.pages["/"] = answer(nothing, Content_Encoding="deflate", Content_Length=None)
    with pytest.raises(UnreadableFile) as refused:
        fetched(web_site.url, allowed=loopback, max_bytes=100_000)
    assert refused.value.kind == "page_large"


@pytest.mark.parametrize(
    "kind",
    [
        "text/html; " + "a*0=b; " * 40,
        "text/html; charset*=utf-8''%ff",
        ";;;/",
        "text/html\xff",
        "a" * 60_000,
        "/",
    ],
)
def test_no_word_of_a_site_about_its_page_is_too_odd(web_site, loopback, kind):
    web_site.pages["/"] = answer("<html>Hello", kind=kind)
    assert fetched(web_site.url, allowed=loopback)[1] == b"<html>Hello"


@pytest.mark.parametrize("packing", ["none", "utf-8", "identity", ""])
def test_a_packing_that_nobody_knows_is_none(web_site, loopback, packing):
    web_site.pages["/"] = answer("Hello", Content_Encoding=packing)
    assert fetched(web_site.url, allowed=loopback)[1] == b"Hello"


@pytest.mark.parametrize("packing", ["br", "zstd", "gzip, gzip", "gzip,br"])
def test_a_packing_that_was_not_asked_for_is_refused(web_site, loopback, packing):
    web_site.pages["/"] = answer("Hello", Content_Encoding=packing)
    with pytest.raises(UnreadableFile) as refused:
        fetched(web_site.url, allowed=loopback)
    assert refused.value.kind == "page_refused"


def test_a_packed_page_of_nothing_is_nothing(web_site, loopback):
    web_site.pages["/"] = answer("", Content_Encoding="gzip")
    assert fetched(web_site.url, allowed=loopback)[1] == b""


@pytest.mark.parametrize(
    ("path", "kind", "content", "name"),
    [
        ("/a", "text/html", "%PDF-1.7", "a.pdf"), ("/a.pdf", "application/pdf", "<!doctype html><p>Sign in", "a.html"),
        ("/a.docx", "application/octet-stream", " <html><p>Sign in", "a.html"), ("/a.md", "text/markdown", "<html>", "a.md"),
        ("/a.txt", "text/plain", "<html>", "a.txt"), ("/a%2F..%2F%E2%80%AEb", "text/html", "x", "\u202eb.html"),
    ],
)  # fmt: skip
def test_a_page_is_what_it_begins_like_whatever_its_site_says(web_site, loopback, path, kind, content, name):
    web_site.pages[Address.parse(web_site.url + path).target] = answer(content, kind=kind)
    assert fetched(web_site.url + path, allowed=loopback)[0].name == name


def test_a_lookup_that_hangs_times_out(monkeypatch):
    monkeypatch.setattr(client, "TOTAL_SECONDS", 0.3)
    is_over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: is_over.wait(20))
    with pytest.raises(SiteUnavailable) as away:
        fetched("http://example.org/")
    assert not is_over.is_set()
    is_over.set()
    assert away.value.kind == "page_timeout"


LEADING_ON = '<html><head><meta charset="utf-8"><META content="{}" HTTP-EQUIV=\'Refresh\'></head><body>Moved.</body></html>'


@pytest.mark.parametrize(
    "content", ["0; url=/new?a=1&amp;b=2", "0;URL='/new?a=1&amp;b=2'", "1.5, /new?a=1&amp;b=2"]
)
def test_a_page_that_only_leads_on_is_followed_as_browsers_do(web_site, loopback, content):
    web_site.pages["/old"] = answer(LEADING_ON.format(content), kind="text/html", ETag='"stub"')
    web_site.pages["/new?a=1&b=2"] = answer("<html><p>It rains.", kind="text/html", ETag='"new"')
    page, content = fetched(f"{web_site.url}/old", allowed=loopback)
    assert (page.url, content) == (f"{web_site.url}/new?a=1&b=2", b"<html><p>It rains.")
    assert (page.size, page.etag) == (
        len(content),
        "",
    )  # the next visit asks the first page, which is another one


@pytest.mark.parametrize(
    "head",
    [
        '<meta http-equiv="refresh" content="300; url=/new">',  # news that are shown anew
        '<meta http-equiv="refresh" content="0">',
        '<meta http-equiv="refresh" content="0; url=/old#part">',
        '<noscript><meta http-equiv="refresh" content="0; url=/new"></noscript>',
        '<!-- <meta http-equiv="refresh" content="0; url=/new"> -->',
        "<script>'<meta http-equiv=refresh content=0;url=/new>'</script>",
        '<meta name="refresh" content="0; url=/new">',
    ],
)
def test_a_page_that_a_browser_would_stay_at_is_taken(web_site, loopback, head):
    page = f"<html><head>{head}</head><body><p>It rains."
    web_site.pages["/old"] = answer(page, kind="text/html")
    assert fetched(f"{web_site.url}/old", allowed=loopback)[1] == page.encode()


def test_a_page_is_led_on_once_and_never_to_a_private_address(web_site, loopback):
    web_site.pages["/1"] = answer(LEADING_ON.format("0; url=/2"), kind="text/html")
    web_site.pages["/2"] = answer(LEADING_ON.format("0; url=/1"), kind="text/html")
    assert fetched(f"{web_site.url}/1", allowed=loopback)[0].url == f"{web_site.url}/2"
    for target, kind in (("http://127.0.0.2/", "page_private"), ("javascript:alert(1)", "page_astray")):
        web_site.pages["/1"] = answer(LEADING_ON.format(f"0; url={target}"), kind="text/html")
        with pytest.raises(UnreadableFile) as refused:
            fetched(f"{web_site.url}/1", allowed=loopback)
        assert refused.value.kind == kind


def test_a_hostile_head_is_gone_through_once(web_site, loopback):
    for piece in ("<!--", "<noscript ", "<meta ", "<meta content=", "<meta a='"):
        web_site.pages["/"] = answer("<html>" + piece * 100_000, kind="text/html")
        began = time.process_time()
        fetched(web_site.url, allowed=loopback, max_bytes=10_000_000)
        assert time.process_time() - began < 5
