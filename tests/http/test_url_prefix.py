"""The whole site under a path prefix, whether the proxy strips it or not."""

import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest
from django.contrib.auth.hashers import make_password

from ragsite.accounts.hashing import Hasher
from ragsite.accounts.models import User
from tests.support.factories import make_user
from tests.support.site import Site, wait_for

PREFIX = "/rag"
LINK = re.compile(r"""\s(?:href|src|action|hx-get|hx-post|sse-connect|data-url|data-home)=["']([^"']*)["']""")
STYLE_LINK = re.compile(r"url\(['\"]?([^'\")]+)")


class Visitor:
    """Follows what a browser follows; every address it meets on the site must lie under the prefix."""

    def __init__(self, site, passes_prefix_on):
        self.site, self.passes_prefix_on = site, passes_prefix_on
        self.cookies, self.outside = {}, set()

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *args, **kwargs):
                return None

        self.opener = urllib.request.build_opener(Stay)

    def open(self, path, form=None, **headers):
        """(status, text, headers) of an address as the browser names it; redirects are followed."""
        inside = path if self.passes_prefix_on else path.removeprefix(PREFIX)
        encoded = urllib.parse.urlencode(form).encode() if form else None
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | {"Cookie": cookie}
        try:
            answer = self.opener.open(
                urllib.request.Request(self.site.url + inside, encoded, sent), timeout=30
            )
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode("utf-8", "replace")
        self._keep_cookies(answer.headers)
        if 300 <= answer.status < 400:
            to = urllib.parse.urljoin(path, answer.headers["Location"])
            self._note(to)
            return self.open(to, **headers)
        return answer.status, text, answer.headers

    def _keep_cookies(self, headers):
        for line in headers.get_all("Set-Cookie") or []:
            if f"Path={PREFIX}/" not in line:
                self.outside.add(line)
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value

    def _note(self, address):
        path = address.partition("#")[0]
        if path.startswith("/") and not f"{path}/".startswith(f"{PREFIX}/"):
            self.outside.add(address)

    def links(self, text, at):
        found = {urllib.parse.urljoin(at, link.replace("&amp;", "&")) for link in LINK.findall(text)}
        for link in found:
            self._note(link)
        return {link.partition("#")[0] for link in found if link.startswith("/")}

    def send(self, page, path, **form):
        """Send a form of that page, as a browser would."""
        _status, text, _headers = self.open(page)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)[1]
        return self.open(path, {**form, "csrfmiddlewaretoken": token}, Origin=self.site.url)


@pytest.fixture(scope="module")
def site(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock(), Site(tmp_path_factory.mktemp("prefix"), URL_PREFIX=PREFIX) as running:
        yield running


@pytest.fixture(scope="module")
def hashed():
    """Her password, as the site would save it."""
    return make_password("correct horse battery", hasher=Hasher())


@pytest.fixture(params=[True, False], ids=["passed on", "taken away"])
def visitor(request, site, transactional_db, hashed):
    make_user("olga", is_staff=True, is_superuser=True)
    User.objects.update(password=hashed)
    return Visitor(site, request.param)


def crawl(visitor, start, skip=r"logout|/admin/[a-z_]+/.|[?&]|data:"):
    """What each address answers that can be reached from there by links."""
    seen, todo = {}, [start]
    while todo and len(seen) < 150:
        path = todo.pop()
        if path in seen or re.search(skip, path):
            continue
        status, text, headers = visitor.open(path)
        seen[path] = status
        if "text/html" in headers.get("Content-Type", ""):
            todo += visitor.links(text, path)
        elif "text/css" in headers.get("Content-Type", ""):
            todo += [
                urllib.parse.urljoin(path, link) for link in STYLE_LINK.findall(text) if "data:" not in link
            ]
    return seen


@pytest.mark.django_db(transaction=True)
def test_the_whole_site_works_under_a_prefix(visitor):
    sign_in = f"{PREFIX}/account/login/"
    status, text, _headers = visitor.send(sign_in, sign_in, username="olga", password="correct horse battery")
    assert (status, "Ask" in text) == (200, True)

    status, text, _headers = visitor.send(
        f"{PREFIX}/documents/text/",
        f"{PREFIX}/documents/text/",
        title="Weather",
        text="It rains in Bergen on most days.",
    )
    assert status == 200
    page = wait_for(lambda: "[1]" in (page := ask(visitor, "Where does it rain?")) and page, every=1)
    numbers = [link for link in re.findall(r"<a[^>]*>", page) if 'class="cite' in link]
    assert numbers
    assert all(f'href="{PREFIX}/citations/' in link for link in numbers)

    seen = crawl(visitor, f"{PREFIX}/")
    wrong = {path: status for path, status in seen.items() if status >= 400 and status != 405}
    assert wrong == {}
    assert {path.rsplit(".", 1)[-1] for path in seen if "/static/" in path} >= {"css", "js"}
    assert any("/citations/" in path for path in seen), "the numbers in an answer are links"
    assert any("/admin/" in path for path in seen)
    assert visitor.outside == set()


def ask(visitor, question):
    """The page of the answer, once it has one."""
    _status, text, _headers = visitor.send(f"{PREFIX}/", f"{PREFIX}/ask/", text=question)
    place = re.search(rf'"({PREFIX}/c/\d+/)', text)[1]
    wait_for(lambda: "is-running" not in visitor.open(place)[1], every=0.3)
    return visitor.open(place)[1]


@pytest.mark.django_db(transaction=True)
def test_what_is_refused_and_what_is_wrong_lead_back_under_the_prefix(visitor):
    for path in (f"{PREFIX}/nothing/", f"{PREFIX}/account/login/?next=%ff"):
        _status, text, _headers = visitor.open(path)
        visitor.links(text, path)
    headers = {"HX-Request": "true", "HX-Current-URL": f"{visitor.site.url}{PREFIX}/documents/"}
    _status, _text, answer = visitor.open(f"{PREFIX}/documents/1/", **headers)
    assert answer["HX-Redirect"] == f"{PREFIX}/account/login/?next=%2Frag%2Fdocuments%2F"
    assert visitor.outside == set()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("prefix", ["", PREFIX], ids=["taken away", "passed on"])
@pytest.mark.parametrize(("size", "header"), [(90, "Location"), (90, "HX-Redirect"), (900, "")])
def test_a_body_that_is_refused_before_django_leads_back_under_the_prefix_too(
    site, transactional_db, prefix, size, header
):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    connection.putrequest("POST", f"{prefix}/documents/upload/")
    connection.putheader("Content-Length", str(size * 1024 * 1024))
    connection.putheader("Expect", "100-continue")
    if header == "HX-Redirect":
        connection.putheader("HX-Request", "true")
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert [link for link in LINK.findall(text) if not link.startswith(f"{PREFIX}/")] == []
    if header:
        assert answer.headers[header] == f"{PREFIX}/account/login/"


@pytest.mark.django_db(transaction=True)
def test_the_platform_asks_for_health_by_either_path(site, transactional_db):
    for path in ("/healthz", f"{PREFIX}/healthz"):
        with urllib.request.urlopen(site.url + path, timeout=30) as answer:
            assert json.load(answer)["status"] == "alive"


@pytest.mark.django_db(transaction=True)
def test_a_prefix_is_not_taken_from_a_header(site, transactional_db):
    request = urllib.request.Request(f"{site.url}{PREFIX}/account/login/", headers={"X-Forwarded-Prefix": "/evil", "X-Script-Name": "/evil"})  # fmt: skip
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert "/evil" not in answer.read().decode()
