"""LaTeX to MathML, within limits, and the elements and attributes of MathML that may appear in an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import convert_to_element

MAX_LENGTH = 2_000  # characters of a formula
MAX_NESTING = 40  # elements within each other
MAX_FORMULAS = 200  # in one answer
MAX_TOTAL_LENGTH = 10_000  # characters of all formulas in one answer: some 0.2 seconds
# Macros, and \sideset, which writes its operator twice, can make very much of a short formula.
REFUSED = re.compile(
    r"\\(?:newcommand|newenvironment|def|DeclareMathOperator|sideset)(?![a-zA-Z])", re.IGNORECASE
)
CHARACTER = re.compile(r"&amp;(#x[0-9A-Fa-f]{1,6};)")

_BOOLEAN = re.compile("true|false")
_LENGTH = re.compile(r"\d?(?:\.\d{1,4})?(?:em|ex)|0(?:px)?")  # a wide or negative one would cover other text
_VALUES = {
    "accent": _BOOLEAN,
    "accentunder": _BOOLEAN,
    "alttext": re.compile(".*", re.DOTALL),
    "columnalign": re.compile("left|center|right"),
    "display": re.compile("block|inline"),
    "displaystyle": _BOOLEAN,
    "fence": _BOOLEAN,
    "form": re.compile("prefix|infix|postfix"),
    "largeop": _BOOLEAN,
    "linethickness": _LENGTH,
    "mathvariant": re.compile("[a-z-]{1,30}"),
    "maxsize": _LENGTH,
    "minsize": _LENGTH,
    "movablelimits": _BOOLEAN,
    "scriptlevel": re.compile("[0-3]"),
    "stretchy": _BOOLEAN,
    "width": _LENGTH,
}
ATTRIBUTES = {
    "math": {"alttext", "display"},
    "mfrac": {"linethickness"},
    "mi": {"mathvariant"},
    "mn": {"mathvariant"},
    "mo": {"fence", "form", "largeop", "mathvariant", "maxsize", "minsize", "movablelimits", "stretchy"},
    "mover": {"accent"},
    "mpadded": set[str](),
    "mphantom": set[str](),
    "mroot": set[str](),
    "mrow": set[str](),
    "mspace": {"width"},
    "msqrt": set[str](),
    "mstyle": {"displaystyle", "scriptlevel"},
    "msub": set[str](),
    "msubsup": set[str](),
    "msup": set[str](),
    "mtable": set[str](),
    "mtd": {"columnalign"},
    "mtext": {"mathvariant"},
    "mtr": set[str](),
    "munder": {"accentunder"},
    "munderover": {"accent", "accentunder"},
}
TAGS = frozenset(ATTRIBUTES)
CHILDREN = {
    "mfrac": 2,
    "mover": 2,
    "mroot": 2,
    "msub": 2,
    "msubsup": 3,
    "msup": 2,
    "munder": 2,
    "munderover": 3,
}


def allowed_value(name: str, value: str) -> str | None:
    """Return the value of an attribute of MathML if it is harmless."""
    return value if _VALUES[name].fullmatch(value) else None


@dataclass
class Budget:
    """What the formulas of one answer may take."""

    formulas: int = MAX_FORMULAS
    characters: int = MAX_TOTAL_LENGTH

    def allows(self, latex: str) -> bool:
        """Count the formula and return whether it is within the limits."""
        if len(latex) > MAX_LENGTH:
            return False
        self.formulas -= 1
        self.characters -= len(latex)
        return self.formulas >= 0 and self.characters >= 0


def to_mathml(latex: str, source: str, *, is_displayed: bool) -> str:
    """Return the formula as MathML with its source as `alttext`; nothing where it cannot be converted as a whole."""
    if REFUSED.search(latex):
        return ""
    try:
        element = convert_to_element(latex, display="block" if is_displayed else "inline")
    except Exception:  # the library raises many kinds, StopIteration and RecursionError among them
        return ""
    if not _is_sound(element):
        return ""
    element.set("alttext", source)
    # The library writes characters as references into the text; its own serializer would let "<" through with them.
    return CHARACTER.sub(r"&\1", tostring(element, encoding="unicode"))


def _is_sound(formula: Element) -> bool:
    """Whether it is not nested too deeply and every element is complete."""
    level = [formula]
    for _depth in range(MAX_NESTING):
        if not all(map(_is_complete, level)):
            return False
        level = [child for element in level for child in element]
        if not level:
            return True
    return False


def _is_complete(element: Element) -> bool:
    """Whether it has all its parts, and is no command that the library does not know."""
    is_unknown = element.tag == "mi" and (element.text or "").startswith("\\")
    return not is_unknown and len(element) == CHILDREN.get(element.tag, len(element))
