"""A small web site on loopback for fetching: sends configured answers, and counts connections."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import pytest


class WebSite:
    """`site.pages["/path"] = answer(...)`, or a function that is given the handler. `site.asked` holds what came."""

    def __init__(self):
        self.pages = {}
        self.asked = []
        self.connections = 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                page = site.pages.get(self.path, answer("Nothing here.", status=404))
                try:
                    page(self)
                except OSError:
                    pass  # the other side has hung up
                self.close_connection = True

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                site.connections += 1
                return super().get_request()

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def answer(body="", kind="text/plain", status=200, **headers):
    """A page that says this. Words in the headers' names are joined by underscores."""
    body = body.encode() if isinstance(body, str) else body

    def say(handler):
        handler.send_response(status)
        values = {"Content-Type": kind, "Content-Length": str(len(body))} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        for name, value in values.items():
            if value is not None:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return say


def redirect(to, status=302):
    return answer("", status=status, Location=to)


@pytest.fixture
def web_site():
    """Nobody may fetch from it: it is not on the open internet."""
    site = WebSite()
    yield site
    site.stop()


@pytest.fixture
def own_site(web_site, settings):
    """The same, in a network that the operator allows."""
    settings.WEB_PAGES_ALLOW = [ip_network("127.0.0.1/32")]
    return web_site
