"""How a workbook shows its numbers: dates, shares of a hundred, money, as far as the format tells."""

import re
from datetime import UTC, datetime, timedelta

from documents.extraction.office.ooxml import Package
from documents.extraction.web.xml import Attributes, Events

# The formats that every workbook has without saying so, as far as they change what a number means.
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
# Words around a number: a unit, unless it is one of thousands, which divides the number as well.
UNIT = re.compile(r'[0#?]\s*"\s*([^\W\d_][\w/²³]{0,14}\.?)\s*"\s*$')
ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)  # time that does not begin anew each day
DECIMALS = re.compile(r"[0#?]\.(0+)")
LAST_DAY = 2_958_466  # the end of the year 9999


class Formats:
    """What a cell shows, by the number of its style."""

    def __init__(self, codes: list[str], starts_1904: bool) -> None:
        self.codes = codes
        self.first_day = datetime(*((1904, 1, 1) if starts_1904 else (1899, 12, 30)), tzinfo=UTC)
        self.kinds: dict[str, tuple[str, str, int, bool]] = {}

    def shown(self, value: str, style: str) -> str:
        try:
            number = float(value)
        except ValueError:
            return value[:100]
        if style not in self.kinds:
            index = int(style) if style.isdecimal() and len(style) < 7 else -1
            self.kinds[style] = kind_of(self.codes[index] if 0 <= index < len(self.codes) else "")
        kind, symbol, decimals, is_before = self.kinds[style]
        if kind == "date" and 0 <= number < LAST_DAY:
            return self._moment(number)
        if kind in ("time", "elapsed") and 0 <= number < LAST_DAY:
            return self._time(number if kind == "elapsed" else number % 1)
        if kind == "share":
            return f"{plain_number(number * 100, decimals)}%"
        if kind == "digits":
            return plain_number(number).zfill(decimals)
        text = plain_number(number, decimals)
        if not symbol:
            return text
        return f"{symbol}{text}" if is_before else f"{text} {symbol}"

    def _moment(self, number: float) -> str:
        moment = self.first_day + timedelta(seconds=round(number * 86_400))
        if number < 1 and number > 0:
            return f"{moment:%H:%M}"
        has_time = moment.hour or moment.minute or moment.second
        return moment.strftime("%Y-%m-%d %H:%M" if has_time else "%Y-%m-%d")

    def _time(self, number: float) -> str:
        hours, rest = divmod(round(number * 86_400), 3_600)
        minutes, seconds = divmod(rest, 60)
        return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


def kind_of(code: str) -> tuple[str, str, int, bool]:
    """Date, time, share or number; its symbol or unit; decimals; whether the symbol stands before the number.

    Digits are a number that is a name, as a postal code is: with so many digits at least.
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
        return "share", "", decimals, False
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
    """With the digits that it has, and at least so many behind the point if it has any use for them."""
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
    package.follow_sound(package.related(package.main, "styles"), reader)
    codes = [reader.codes.get(number) or BUILT_IN.get(number, "") for number in reader.used]
    return Formats(codes, starts_1904)


class FormatReader(Events):
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
