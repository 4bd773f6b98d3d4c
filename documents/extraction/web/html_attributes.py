"""Read what the attributes of HTML elements say of them."""

import re

from documents.extraction.web.html_tags import CONTROL_CLASS

Attributes = list[tuple[str, str | None]]
INVISIBLE_STYLE = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)


def is_hidden(attrs: Attributes) -> bool:
    """Whether the page hides the element: it may be shown by a script."""
    for name, value in attrs:
        if name == "hidden":
            return True
        if name == "style" and value and INVISIBLE_STYLE.search(value[:2000]):
            return True
    return False


def is_aria_hidden(attrs: Attributes) -> bool:
    """Whether the element is decorative: visible, but hidden from screen readers."""
    return any(name == "aria-hidden" and (value or "").strip().lower() == "true" for name, value in attrs)


def integer_attribute(attrs: Attributes, name: str, default: int) -> int:
    """The integer value of an attribute, or `default`."""
    for key, value in attrs:
        if key == name and value and re.fullmatch(r"\s*-?\d{1,6}\s*", value):
            return int(value)
    return default


def has_control_class(attrs: Attributes) -> bool:
    """Whether a class marks the element as a control or a line number."""
    return any(name == "class" and value and CONTROL_CLASS.search(value[:500]) for name, value in attrs)
