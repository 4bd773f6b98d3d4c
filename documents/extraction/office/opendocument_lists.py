"""The lists of an OpenDocument file as they open and close, and the mark before each of their items."""

from dataclasses import dataclass

from documents.extraction.office.opendocument_styles import MAX_STYLES, OpenStyles, number_of
from documents.extraction.web.xml import Attributes


@dataclass
class OpenList:
    """A list that is open, and how far it has been counted."""

    style: str
    id: str
    place: str
    count: int = 0


class OpenLists:
    """The lists that are open, and how far those that have ended were counted: others go on from there."""

    def __init__(self, styles: OpenStyles) -> None:
        self.styles = styles
        self.open: list[OpenList] = []
        self.counted: dict[str, int] = {}  # by the list's id, and by depth and style
        self.is_new_item = False

    @property
    def depth(self) -> int:
        return len(self.open)

    def begin(self, attributes: Attributes) -> None:
        style = attributes.get("text:style-name") or (self.open[-1].style if self.open else "")
        new = OpenList(style, attributes.get("xml:id", ""), f"{self.depth} {style}")
        goes_on = attributes.get("text:continue-numbering") == "true"
        before = new.place if goes_on else attributes.get("text:continue-list", "")
        form = self.styles.numbered.get((style, self.depth + 1))
        new.count = self.counted.get(before, form.start - 1 if form else 0)
        self.open.append(new)

    def begin_item(self, attributes: Attributes) -> None:
        if self.open:
            self.open[-1].count = number_of(attributes, "text:start-value", self.open[-1].count + 1) - 1
            self.is_new_item = True

    def end(self) -> None:
        if self.open:
            ended = self.open.pop()
            if len(self.counted) < MAX_STYLES:
                self.counted[ended.place] = self.counted[ended.id or ended.place] = ended.count
        self.is_new_item = False

    def take_mark(self) -> str:
        """What stands before an item's first paragraph, once. An item that has only a list in it is not counted."""
        if not self.is_new_item or not self.open:
            return ""
        self.is_new_item = False
        current = self.open[-1]
        current.count += 1
        form = self.styles.numbered.get((current.style, self.depth))
        return form.mark(current.count) if form else "- "
