"""Tells by the format of a cell whether its number is shown as a number, a date, a time or a duration.

Excel has no type for dates: a date is a number whose format has letters of days (ECMA-376, part 1, 18.8.30
and 18.8.31).
"""

import re
from collections.abc import Iterable
from typing import Literal

from ingest_project.reading.formats.excel.markup import names, parsed

Shown = Literal["number", "date", "time", "datetime", "duration"]

BUILT_IN: dict[int, Shown] = {
    **dict.fromkeys((14, 15, 16, 17), "date"),
    **dict.fromkeys((18, 19, 20, 21), "time"),
    22: "datetime",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), "date"),  # of East Asia's languages
    **dict.fromkeys((*range(32, 36), 55, 56), "time"),
    45: "time",
    46: "duration",
    47: "time",
}
LITERAL = re.compile(r'"[^"]*"?|\\.|_.|\*.|AM/PM|A/P', re.IGNORECASE)
"""Text in quotes, a character behind a backslash, the width of one, one that fills the cell, and halves of
the day.
"""
ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
BRACKETS = re.compile(r"\[[^\]]*\]?")
"""Colours, conditions, currencies and languages."""
ELEMENTS = names("numFmts", "numFmt", "cellXfs", "xf")


def shown_by(code: str) -> Shown:
    """How a format's code shows numbers, by its first section, which is that of positive numbers."""
    section = LITERAL.sub("", code).partition(";")[0]
    if ELAPSED.search(section):
        return "duration"
    letters = BRACKETS.sub("", section).lower()
    if letters == "general":
        return "number"
    has_clock = "h" in letters or "s" in letters
    has_day = "d" in letters or "y" in letters or ("m" in letters and not has_clock)
    if has_day:
        return "datetime" if has_clock else "date"
    return "time" if has_clock else "number"


def shown_by_style(chunks: Iterable[bytes]) -> list[Shown]:
    """How each style of a workbook shows numbers, by the number that cells name it with, from the part of
    styles.
    """
    codes: dict[int, Shown] = dict(BUILT_IN)
    styles: list[int] = []
    inside: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        element = ELEMENTS.get(name, "")
        parent = inside[-1] if inside else ""
        inside.append(element)
        if element == "numFmt" and parent == "numFmts":
            codes[int(attributes["numFmtId"])] = shown_by(attributes["formatCode"])
        elif element == "xf" and parent == "cellXfs":
            styles.append(int(attributes.get("numFmtId", 0)))

    def end(_name: str) -> None:
        inside.pop()

    try:
        for _ in parsed(chunks, start=start, end=end):
            pass
    except KeyError as error:
        raise ValueError(f"a number format lacks {error}") from error
    return [codes.get(one, "number") for one in styles]
