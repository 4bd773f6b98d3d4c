"""Where the requests of a provider go: the address as it was set, taken apart; Azure's ways among them."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

CALLS = re.compile(r"/(?:chat/completions|embeddings)/*$")
DEPLOYMENT = re.compile(r"^(?P<root>.*/openai)/deployments/(?P<name>[^/]+)$")
AZURE_HOSTS = (
    ".openai.azure.com",
    ".openai.azure.us",
    ".cognitiveservices.azure.com",
    ".services.ai.azure.com",
)


@dataclass(frozen=True)
class Endpoint:
    """An address without its query, and what follows it for each call."""

    base_url: str
    query: tuple[tuple[str, str], ...] = ()
    deployment: str | None = (
        None  # of Azure's classic address; empty where the model's name is the deployment's
    )
    is_azure: bool = False

    def path(self, call: str, model: str, *, is_shared: bool = False) -> str:
        """`call` is "chat/completions" or "embeddings". `is_shared`: the deployment in the address is another model's."""
        if self.deployment is None:
            return f"/{call}"
        name = model if is_shared or not self.deployment else self.deployment
        return f"/deployments/{quote(name, safe='')}/{call}"


def endpoint_of(address: str) -> Endpoint:
    """Read the address of a provider: its query is kept, and a whole address of one call is understood, too."""
    parts = urlsplit(address)
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    path = CALLS.sub("", parts.path).rstrip("/")
    is_classic = any(name == "api-version" for name, _value in query)
    is_azure = _is_azure_host(parts.hostname or "") or is_classic or bool(DEPLOYMENT.match(path))
    deployment = None
    if found := DEPLOYMENT.match(path):
        path, deployment = found["root"], found["name"]
    elif is_azure and path in ("", "/openai"):
        path, deployment = ("/openai", "") if is_classic else ("/openai/v1", None)
    return Endpoint(f"{parts.scheme}://{parts.netloc}{path}", query, deployment, is_azure)


def _is_azure_host(host: str) -> bool:
    return host.lower().endswith(AZURE_HOSTS)
