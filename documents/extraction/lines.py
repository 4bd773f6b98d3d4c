"""A printed line, as all that cleans a page's text knows it."""

from typing import NamedTuple


class Line(NamedTuple):
    """A printed line; without geometry (`height` 0) its characters stand for its width."""

    start: int
    end: int
    text: str
    left: float
    right: float
    baseline: float
    height: float
    is_hyphenated: bool  # PDFium took a hyphen away from its end
    follows_blank: bool
    ends_in_dash: bool = False  # and that hyphen stood apart from the word before it
    ends_in_space: bool = False
    has_told_hyphen: bool = (
        False  # the PDF tells by itself what that hyphen is, not only by what it is drawn as
    )
