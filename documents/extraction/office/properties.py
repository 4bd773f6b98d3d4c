"""What an Office file says of itself: its title, author and dates, under the names that those of a PDF have."""

from collections.abc import Mapping

from documents.extraction.web.xml import Attributes, Events

MAX_PROPERTY_LENGTH = 500


class PropertyReader(Events):
    """The texts of the elements that `names` has a name for."""

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
            so_far = self.found.get(self.name, "")
            self.found[self.name] = (so_far + text)[:MAX_PROPERTY_LENGTH]
