"""Write the numbers of lists as letters, Roman numerals or digits."""


def format_number(number: int, format: str) -> str:
    """Write a number as OOXML's `numFmt` asks: letters, Roman numerals or digits."""
    if format in ("lowerLetter", "upperLetter") and number > 0:
        letter = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 4)
        return letter.upper() if format == "upperLetter" else letter
    if format in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return roman(number).lower() if format == "lowerRoman" else roman(number)
    if format == "decimalZero":
        return f"{number:02}"
    return str(number)


def roman(number: int) -> str:
    values = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
    letters = ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I")
    parts = []
    for value, letter in zip(values, letters, strict=True):
        times, number = divmod(number, value)
        parts.append(letter * times)
    return "".join(parts)
