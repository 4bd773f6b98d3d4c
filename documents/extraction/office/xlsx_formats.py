"""Apply Excel number formats: dates, times, percentages, currencies, units."""

import re
from datetime import UTC, datetime, timedelta

from documents.extraction.office.ooxml import Package
from documents.extraction.web.xml import Attributes, XMLHandler

# The built-in formats that change the meaning of a number.
BUILT_IN = {
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 34, 35, 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 46, 47), "hh:mm:ss"),
    22: "yyyy-mm-dd hh:mm",
    9: "0%",
    10: "0.00%",
    2: "0.00",
    4: "#,##0.00",
    39: "#,##0.00",
    40: "#,##0.00",
}
QUOTED = re.compile(r'"([^"]*)"|\\(.)|\[(?!\$)[^\]]*\]|[_*].')
MONEY = re.compile(r"\[\$([^\]-]{1,5})[^\]]*\]|([€$£¥])")
# A quoted unit after the digits.
UNIT = re.compile(r'[0#?]\s*"\s*([^\W\d_][\w/²³]{0,14}\.?)\s*"\s*$')
ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)  # durations, which may exceed 24 hours
DECIMALS = re.compile(r"[0#?]\.(0+)")
MAX_DATE = 2_958_466  # the serial number after 9999-12-31


class Formats:
    """Formats cell values by the index of their style."""

    def __init__(self, codes: list[str], starts_1904: bool) -> None:
        self.codes = codes
        self.first_day = datetime(*((1904, 1, 1) if starts_1904 else (1899, 12, 30)), tzinfo=UTC)
        self.kinds: dict[str, tuple[str, str, int, bool]] = {}

    def display(self, value: str, style: str) -> str:
        try:
            number = float(value)
        except ValueError:
            return value[:100]
        if style not in self.kinds:
            index = int(style) if style.isdecimal() and len(style) < 7 else -1
            self.kinds[style] = parse_format(self.codes[index] if 0 <= index < len(self.codes) else "")
        kind, symbol, decimals, is_before = self.kinds[style]
        if kind == "date" and 0 <= number < MAX_DATE:
            return self._format_date(number)
        if kind in ("time", "elapsed") and 0 <= number < MAX_DATE:
            return self._format_time(number if kind == "elapsed" else number % 1)
        if kind == "percent":
            return f"{plain_number(number * 100, decimals)}%"
        if kind == "digits":
            return plain_number(number).zfill(decimals)
        text = plain_number(number, decimals)
        if not symbol:
            return text
        return f"{symbol}{text}" if is_before else f"{text} {symbol}"

    def _format_date(self, number: float) -> str:
        date = self.first_day + timedelta(seconds=round(number * 86_400))
        if number < 1 and number > 0:
            return f"{date:%H:%M}"
        has_time = date.hour or date.minute or date.second
        return date.strftime("%Y-%m-%d %H:%M" if has_time else "%Y-%m-%d")

    def _format_time(self, number: float) -> str:
        hours, rest = divmod(round(number * 86_400), 3_600)
        minutes, seconds = divmod(rest, 60)
        return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


def parse_format(code: str) -> tuple[str, str, int, bool]:
    """Return the kind of a format code, its symbol or unit, its decimals, and whether the symbol comes first.

    The kind is date, time, elapsed, percent, number or digits. Digits are identifiers, such as postal codes, that keep
    leading zeros; their "decimals" are the minimum length.
    """
    code = code.split(";")[0][:200]
    money = MONEY.search(code)
    bare = MONEY.sub("", QUOTED.sub("", code))
    if not money and (quoted := re.search(r'"\s*([€$£¥]|[A-Z]{3})\s*"', code)):
        money = quoted
    money = money or UNIT.search(code)
    decimals = len(match[1]) if (match := DECIMALS.search(bare)) else 0
    lowered = bare.lower()
    if "%" in bare:
        return "percent", "", decimals, False
    if re.search(r"[yd]", lowered) or re.search(r"m{3}", lowered):
        return "date", "", 0, False
    if ELAPSED.search(code):
        return "elapsed", "", 0, False
    if re.fullmatch("0{2,20}", bare):
        return "digits", "", len(bare), False
    if re.search(r"[hs]", lowered) and "general" not in lowered:
        return "time", "", 0, False
    if money:
        symbol = next(filter(None, money.groups()), "").strip()
        first_digit = re.search(r"[0#?]", code)
        return "number", symbol, decimals, bool(first_digit and money.start() < first_digit.start())
    return "number", "", decimals, False


def plain_number(number: float, decimals: int = 0) -> str:
    """Format a number with its own digits and at least `decimals` decimals, without an exponent where possible."""
    if number != number or number in (float("inf"), float("-inf")):
        return str(number)
    text = f"{number:.15g}"
    if "e" in text:
        text = f"{number:.0f}" if 1e14 < abs(number) < 1e21 else text
    elif decimals and len(text.partition(".")[2]) < decimals:
        text = f"{number:.{min(decimals, 10)}f}"
    return text.removeprefix("-") if text.strip("-0.") == "" else text


def read_formats(package: Package, starts_1904: bool) -> Formats:
    reader = FormatReader()
    package.parse_optional_part(package.related_part(package.main, "styles"), reader)
    codes = [reader.codes.get(number) or BUILT_IN.get(number, "") for number in reader.used]
    return Formats(codes, starts_1904)


class FormatReader(XMLHandler):
    def __init__(self) -> None:
        self.codes: dict[int, str] = {}
        self.used: list[int] = []
        self.is_cells = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "s:numFmt":
            self.codes[_number(attributes.get("numFmtId", ""))] = attributes.get("formatCode", "")
        elif name == "s:cellXfs":
            self.is_cells = True
        elif name == "s:xf" and self.is_cells:
            self.used.append(_number(attributes.get("numFmtId", "")))

    def end(self, name: str) -> None:
        if name == "s:cellXfs":
            self.is_cells = False


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 7 else 0
