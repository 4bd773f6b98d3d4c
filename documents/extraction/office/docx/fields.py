"""Track the fields of a Word document, whose values Word computes."""

from documents.extraction.web.xml import Attributes

FIELD_ELEMENTS = ("w:fldChar", "w:fldSimple", "w:instrText")
# Fields whose value differs from page to page.
PAGE_FIELDS = ("PAGE", "NUMPAGES", "SECTIONPAGES")
MAX_CODE_LENGTH = 100


class Fields:
    """The open fields, innermost last, each by its code and then by the code's first word."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.is_code = False

    def start(self, name: str, attributes: Attributes) -> None:
        """Read the start of one of FIELD_ELEMENTS."""
        if name == "w:instrText":
            self.is_code = True
        elif name == "w:fldSimple":
            self.codes.append(first_word(attributes.get("w:instr", "")))
        else:
            kind = attributes.get("w:fldCharType", "")
            if kind == "begin":
                self.codes.append("")
            elif kind == "separate" and self.codes:
                self.codes[-1] = first_word(self.codes[-1])
            elif kind == "end":
                self.end()

    def add_code(self, text: str) -> None:
        self.codes[-1] = (self.codes[-1] + text)[:MAX_CODE_LENGTH]

    def end_code(self) -> None:
        self.is_code = False

    def end(self) -> None:
        if self.codes:
            self.codes.pop()

    @property
    def is_in_code(self) -> bool:
        """Whether the text is the code of an open field."""
        return self.is_code and bool(self.codes)

    @property
    def is_page_number(self) -> bool:
        """Whether the text is the value of a field that differs from page to page."""
        return any(code in PAGE_FIELDS for code in self.codes)


def first_word(code: str) -> str:
    return (code.split(None, 1) or [""])[0].upper()
