"""Read document properties of Office files under the names that PDF metadata uses."""

from collections.abc import Mapping

from documents.extraction.web.xml import Attributes, XMLHandler

MAX_PROPERTY_LENGTH = 500


class PropertyReader(XMLHandler):
    """Collects the texts of the elements in `names`, keyed by the name they map to."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self.found: dict[str, str] = {}
        self.name = ""

    def start(self, name: str, attributes: Attributes) -> None:
        self.name = self.names.get(name, "")

    def end(self, name: str) -> None:
        self.name = ""

    def text(self, text: str) -> None:
        if self.name and text.strip():
            existing = self.found.get(self.name, "")
            self.found[self.name] = (existing + text)[:MAX_PROPERTY_LENGTH]
