"""Months, years and dates in names and texts."""

from __future__ import annotations

import re
from datetime import date

# Dates that programs write into files without one.
PLACEHOLDER_DATES = frozenset([date(1970, 1, 1), date(1980, 1, 1), date(2000, 1, 1)])
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
MONTH = re.compile(
    r"(jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
NUMERIC_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d[-_.](0[1-9]|1[0-2])(?:[-_.]\d\d)?(?!\d)")
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def months_in(text: str) -> set[str]:
    """Return the months that a text names, as "jan" to "dec"."""
    lowered = text.lower()
    words = re.findall(r"[^\W\d_]+", lowered)
    found = {MONTH.fullmatch(word)[0] for word in words if MONTH.fullmatch(word)}  # type: ignore[index]
    found |= {MONTHS[int(match[1]) - 1] for match in NUMERIC_DATE.finditer(lowered)}
    same = {"mär": "mar", "mai": "may", "okt": "oct", "dez": "dec"}
    return {same.get(month[:3], month[:3]) for month in found}
