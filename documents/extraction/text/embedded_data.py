"""Pictures and other files that are written into a text as base64: no words, and hundreds of passages to pay for."""

import re

# In a link, an attribute or by itself, as base64, which may be wrapped over lines, or with its signs escaped.
DATA = re.compile(
    r"data:(?:[\w.+-]+\\?/[\w.+-]+(?:;(?!base64,)[\w=.+-]++){0,20}+)?"
    r"(?:;base64,(?:[A-Za-z0-9+/=_%-]++|\\/)*+(?:\r?\n[A-Za-z0-9+/=]{40,}(?=[\s\"')>]|\Z))*+"
    r"(?:\r?\n[A-Za-z0-9+/]{1,40}(?:={1,2}|(?=[\"')>])))?"
    r"|(?<!data:),(?:<svg(?:(?!</?svg)[\s\S]){0,100000}</svg>|[^\s\"'()<>]*))",
    re.IGNORECASE,
)
# What is left of [plan]: <data:...>.
EMPTY_REFERENCE = re.compile(r"^ {0,3}\[[^\]\n]{1,300}\]:[ \t]*+<?>?[ \t]*+$\n?", re.MULTILINE)
# A value that is nothing but data, as notebooks and exports hold it, on one line or escaped over many.
RUN = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?=(?:[A-Za-z0-9+/_-]|\\[nr/]){512})(?:[A-Za-z0-9+/_-]++|\\[nr/])++={0,2}"
)
# The same on lines of its own, indented, quoted, or as a list of strings.
LINES = re.compile(
    r"(?:^[ \t>\"']*+[A-Za-z0-9+/]{60,}+(?:\\n)?[\"',]*+\r?\n){7,}+"
    r"(?:[ \t>\"']*+[A-Za-z0-9+/]{1,100}+={0,2}(?=[\s\"')\\]|\Z))?",
    re.MULTILINE,
)


def without_embedded_data(text: str) -> str:
    """The text without them; what stands around them, such as a picture's description, stays."""
    without, count = DATA.subn("", text)
    if count:
        text = EMPTY_REFERENCE.sub("", without)
    return LINES.sub(_unless_words, RUN.sub(_unless_words, text))


def _unless_words(match: re.Match[str]) -> str:
    """Base64 mixes capitals, small letters and figures within any stretch; a rule of dashes or a long word does not."""
    sample = match[0][:512]
    capitals, small, figures = (sum(map(kind, sample)) for kind in (str.isupper, str.islower, str.isdigit))
    return "" if min(capitals, small, figures) >= len(sample) // 20 else match[0]
