"""Which addresses may be fetched: those of pages that anyone on the internet could open."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from string import ascii_letters, digits
from typing import NamedTuple
from unicodedata import normalize
from urllib.parse import quote, urljoin, urlsplit

from documents.extraction import UnreadableFile

MAX_LENGTH = 2000  # characters
# What browsers reach the web by. Other services, such as mail, could be made to take a request for their own language.
PORTS = frozenset((80, 443, 8080, 8443))
TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
# Special all the same, whatever this Python's own list says: IANA's registries, and what clouds keep for themselves.
NEVER_PUBLIC = [
    ipaddress.ip_network(network)
    for network in (
        *("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "100.100.100.200/32"),
        *("3fff::/20", "5f00::/16", "64:ff9b:1::/48"),
    )
]
UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
CREDENTIALS = re.compile(r"^(\s*[a-z][a-z0-9+.-]*:[/\\]*)[^/\\?#]*@", re.IGNORECASE)
LEFT_AS_IT_IS = "/%:@!$&'()*+,;=~-._?[]|"
ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
NEEDS_NO_ESCAPE = frozenset(ascii_letters + digits + "-._~")
DOTS = re.compile("[.\u3002\uff0e\uff61]")
KNOWN_SINCE_2008 = re.compile("[\xdf\u1e9e\u03c2]")
MAX_LABEL_LENGTH = 60
USUAL = {"http": 80, "https": 443}

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]


class Address(NamedTuple):
    """An http(s) address in parts that may be sent as they are."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises UnreadableFile for what is no address of a web page."""
        text = text.strip()
        if not text or len(text) > MAX_LENGTH or UNSAFE.search(text):
            raise UnreadableFile("page_address")
        try:
            parts = urlsplit(text)
            host, port = _ascii_host(parts.hostname or ""), parts.port
        except (ValueError, UnicodeError):
            raise UnreadableFile("page_address") from None
        if parts.scheme not in ("http", "https") or not host:
            raise UnreadableFile("page_address")
        if parts.username is not None or parts.password is not None:
            raise UnreadableFile("page_credentials")
        target = _without_dots(_escaped(parts.path or "/"))
        if parts.query:
            target += "?" + _escaped(parts.query)
        address = cls(parts.scheme, host, USUAL[parts.scheme] if port is None else port, target)
        if address.port == 0 or len(address.text) > MAX_LENGTH:
            raise UnreadableFile("page_address")
        return address

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == USUAL[self.scheme] else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def refuse_private(self, allowed: Networks) -> None:
        """For an early word on numbers; what a name stands for is looked at when it is connected to."""
        try:
            number = ipaddress.ip_address(self.host)
        except ValueError:
            return
        if not admits(number, self.port, allowed):
            raise UnreadableFile("page_private")

    def followed(self, location: str) -> Address:
        """Where a redirect leads. Raises UnreadableFile if that is no address that is fetched."""
        try:
            return self.parse(urljoin(self.text, location.strip().replace(" ", "%20")))
        except (UnreadableFile, ValueError):
            raise UnreadableFile("page_astray") from None


def without_credentials(text: str) -> str:
    """What someone gave as an address, as it may be shown again."""
    return CREDENTIALS.sub(r"\1…@", text)


def _escaped(part: str) -> str:
    """The same page under the same letters, however its address was typed (RFC 3986, 6.2.2)."""
    return ESCAPE.sub(_shortest, quote(part, LEFT_AS_IT_IS))


def _shortest(escape: re.Match[str]) -> str:
    letter = chr(int(escape[1], 16))
    return letter if letter in NEEDS_NO_ESCAPE else escape[0].upper()


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for part in path.split("/")[1:]:
        if part == "..":
            kept[-1:] = []
        elif part != ".":
            kept.append(part)
    ends_in_folder = path.endswith(("/.", "/.."))
    return "/" + "/".join([*kept, ""] if ends_in_folder and kept else kept)


def _ascii_host(host: str) -> str:
    """As it is asked for; raises UnicodeError or ValueError for what no host is called."""
    if "%" in host:  # an address of one network card's, say
        raise ValueError
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    labels = [_ascii_label(label) for label in DOTS.split(host)]
    name = ".".join(labels).rstrip(".").lower()
    if not re.fullmatch(r"[a-z0-9_.-]{0,253}", name) or ".." in name or name.startswith("."):
        raise ValueError
    return name


def _ascii_label(label: str) -> str:
    """Python's own codec is of 2003 and would lead to another site where browsers know these letters (IDNA 2008)."""
    if KNOWN_SINCE_2008.search(label) and len(label) < MAX_LABEL_LENGTH:
        return "xn--" + normalize("NFC", label.lower()).encode("punycode").decode()
    return label.encode("idna").decode() if label else ""


def is_public(address: IPAddress) -> bool:
    """Whether it is a single machine on the open internet. An IPv4 address inside an IPv6 one counts as itself."""
    inner = _inside(address)
    if inner is not None:
        return is_public(inner)
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified
    if any(address in network for network in NEVER_PUBLIC):
        return False
    return address.is_global and not is_special and not getattr(address, "is_site_local", False)


def _inside(address: IPAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a mapped, 6to4 or translated (NAT64) one stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def admits(address: IPAddress, port: int, allowed: Networks) -> bool:
    """Whether a connection may be made there. `allowed` are networks of the operator's own, at any port."""
    own = _inside(address) or address
    return any(own in network for network in allowed) or (is_public(address) and port in PORTS)
