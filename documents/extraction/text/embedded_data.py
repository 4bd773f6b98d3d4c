"""Remove images and other files embedded as base64, which would cost hundreds of useless chunks."""

import re

# A data URI, whose base64 may be wrapped over lines or escaped.
DATA = re.compile(
    r"data:(?:[\w.+-]+\\?/[\w.+-]+(?:;(?!base64,)[\w=.+-]++){0,20}+)?"
    r"(?:;base64,(?:[A-Za-z0-9+/=_%-]++|\\/)*+(?:\r?\n[A-Za-z0-9+/=]{40,}(?=[\s\"')>]|\Z))*+"
    r"(?:\r?\n[A-Za-z0-9+/]{1,40}(?:={1,2}|(?=[\"')>])))?"
    r"|(?<!data:),(?:<svg(?:(?!</?svg)[\s\S]){0,100000}</svg>|[^\s\"'()<>]*))",
    re.IGNORECASE,
)
# The remainder of the reference definition [plan]: <data:...>.
EMPTY_REFERENCE = re.compile(r"^ {0,3}\[[^\]\n]{1,300}\]:[ \t]*+<?>?[ \t]*+$\n?", re.MULTILINE)
# A bare base64 value, as in notebooks and exports, on one line or with escaped newlines.
RUN = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?=(?:[A-Za-z0-9+/_-]|\\[nr/]){512})(?:[A-Za-z0-9+/_-]++|\\[nr/])++={0,2}"
)
# The same on several lines, which may be indented, quoted, or a list of strings.
LINES = re.compile(
    r"(?:^[ \t>\"']*+[A-Za-z0-9+/]{60,}+(?:\\n)?[\"',]*+\r?\n){7,}+"
    r"(?:[ \t>\"']*+[A-Za-z0-9+/]{1,100}+={0,2}(?=[\s\"')\\]|\Z))?",
    re.MULTILINE,
)


def strip_embedded_data(text: str) -> str:
    """Remove embedded data and keep the text around it, such as an image's description."""
    without, count = DATA.subn("", text)
    if count:
        text = EMPTY_REFERENCE.sub("", without)
    return LINES.sub(_remove_base64, RUN.sub(_remove_base64, text))


def _remove_base64(match: re.Match[str]) -> str:
    """Remove a match that mixes capitals, small letters and digits; a rule or a long word does not."""
    sample = match[0][:512]
    capitals, small, figures = (sum(map(kind, sample)) for kind in (str.isupper, str.islower, str.isdigit))
    return "" if min(capitals, small, figures) >= len(sample) // 20 else match[0]
