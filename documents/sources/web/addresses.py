"""Parses web addresses, and decides which of them may be fetched: those that are public on the internet."""

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
# Usual ports of web servers. Other services, such as mail, could take a request for their own protocol.
PORTS = frozenset((80, 443, 8080, 8443))
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
# Not public, although some versions of Python say so: IANA registries, and internal addresses of clouds.
NEVER_PUBLIC = [
    ipaddress.ip_network(network)
    for network in (
        *("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "100.100.100.200/32"),
        *("3fff::/20", "5f00::/16", "64:ff9b:1::/48"),
    )
]
UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
CREDENTIALS = re.compile(r"^(\s*[a-z][a-z0-9+.-]*:[/\\]*)[^/\\?#]*@", re.IGNORECASE)
SAFE_CHARACTERS = "/%:@!$&'()*+,;=~-._?[]|"
ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = frozenset(ascii_letters + digits + "-._~")
DOTS = re.compile("[.\u3002\uff0e\uff61]")
CHANGED_IN_2008 = re.compile("[\xdf\u1e9e\u03c2]")
MAX_LABEL_LENGTH = 60
DEFAULT_PORTS = {"http": 80, "https": 443}

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]


class Address(NamedTuple):
    """An http(s) address in normalized parts that are safe to send."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse and normalize an address. Raises UnreadableFile if it is no web address."""
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
        address = cls(parts.scheme, host, DEFAULT_PORTS[parts.scheme] if port is None else port, target)
        if address.port == 0 or len(address.text) > MAX_LENGTH:
            raise UnreadableFile("page_address")
        return address

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def refuse_private(self, allowed: Networks) -> None:
        """Raise UnreadableFile early for a private IP address. Names are checked when they are connected to."""
        try:
            ip = ipaddress.ip_address(self.host)
        except ValueError:
            return
        if not admits(ip, self.port, allowed):
            raise UnreadableFile("page_private")

    def follow(self, location: str) -> Address:
        """The target of a redirect. Raises UnreadableFile if it is no web address."""
        try:
            return self.parse(urljoin(self.text, location.strip().replace(" ", "%20")))
        except (UnreadableFile, ValueError):
            raise UnreadableFile("page_astray") from None


def without_credentials(text: str) -> str:
    """The address as it may be shown: without user name and password."""
    return CREDENTIALS.sub(r"\1…@", text)


def _escaped(part: str) -> str:
    """Normalize escapes, so that one page has one address (RFC 3986, 6.2.2)."""
    return ESCAPE.sub(_normalized_escape, quote(part, SAFE_CHARACTERS))


def _normalized_escape(escape: re.Match[str]) -> str:
    letter = chr(int(escape[1], 16))
    return letter if letter in UNRESERVED else escape[0].upper()


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
    """The host as sent to the server. Raises UnicodeError or ValueError for an invalid host."""
    if "%" in host:  # an IPv6 address with a zone
        raise ValueError
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    labels = [_ascii_label(label) for label in DOTS.split(host)]
    name = ".".join(labels).rstrip(".").lower()
    if not re.fullmatch(r"[a-z0-9_.-]{0,253}", name) or ".." in name or name.startswith("."):
        raise ValueError
    return name


def _ascii_label(label: str) -> str:
    """Python's codec implements IDNA 2003, which maps these letters to another site than browsers do (IDNA 2008)."""
    if CHANGED_IN_2008.search(label) and len(label) < MAX_LABEL_LENGTH:
        return "xn--" + normalize("NFC", label.lower()).encode("punycode").decode()
    return label.encode("idna").decode() if label else ""


def is_public(address: IPAddress) -> bool:
    """Whether the address is a public unicast address. An IPv4 address embedded in an IPv6 address counts as itself."""
    inner = _embedded_ipv4(address)
    if inner is not None:
        return is_public(inner)
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified
    if any(address in network for network in NEVER_PUBLIC):
        return False
    return address.is_global and not is_special and not getattr(address, "is_site_local", False)


def _embedded_ipv4(address: IPAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address embedded in a mapped, 6to4 or NAT64 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def admits(address: IPAddress, port: int, allowed: Networks) -> bool:
    """Whether connections are allowed: to web ports of public addresses, and to any port in the `allowed` networks."""
    effective = _embedded_ipv4(address) or address
    return any(effective in network for network in allowed) or (is_public(address) and port in PORTS)
