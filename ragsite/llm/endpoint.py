"""Parse the address of a provider, including the address forms of Azure."""

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
    """A base URL, its query, and the path of each call."""

    base_url: str
    query: tuple[tuple[str, str], ...] = ()
    # Of Azure's classic addresses; empty if the model's name is the deployment.
    deployment: str | None = None
    is_azure: bool = False

    def path(self, call: str, model: str, *, is_shared: bool = False) -> str:
        """The path of "chat/completions" or "embeddings". `is_shared`: the deployment in the address is another model."""
        if self.deployment is None:
            return f"/{call}"
        name = model if is_shared or not self.deployment else self.deployment
        return f"/deployments/{quote(name, safe='')}/{call}"


def endpoint_of(address: str) -> Endpoint:
    """Parse the address of a provider. It may be the full address of a call, and may have a query."""
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
