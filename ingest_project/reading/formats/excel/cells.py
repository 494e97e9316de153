"""Cells as marked text: one letter for the kind of a value, then the value as text.

Marked text says of each cell of a column what it is, whatever is above and below it: a frame has one type for
a column, a sheet does not. Numbers are written with the fewest digits that give the same float64 back;
integers as the file has them. Dates and times are ISO 8601.
"""

import re
from datetime import date, timedelta
from functools import lru_cache

from ingest_project.reading.formats.excel.number_formats import Shown
from ingest_project.reading.limits import LIMITS

NUMBER, TEXT, TRUTH = "n", "s", "b"
DAY, MOMENT, CLOCK, DURATION = "d", "m", "t", "u"
ERROR, NOT_COMPUTED, MALFORMED = "e", "f", "x"
"""Marks: of values; of dates, dates with a time, times of a day, and spans of time; and of what is not a
value.
"""
TIMES = (DAY, MOMENT, CLOCK)
FAULTY = (ERROR, NOT_COMPUTED, MALFORMED)

MIDNIGHT = "T00:00:00"
DAY_MS = 86_400_000
DAY_THAT_NEVER_WAS = 60
"""The 29th of February 1900, which Excel counts as Lotus 1-2-3 did."""
BEFORE_IT, BEHIND_IT, SINCE_1904 = date(1899, 12, 31), date(1899, 12, 30), date(1904, 1, 1)
"""What the numbers of days are counted from: before that day, behind it, and in workbooks of the 1904 system.
"""
LAST = date(9999, 12, 31)

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_ISO = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})?(?:(?:^|T)(?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?))?Z?"
)
_ESCAPED = re.compile(r"(?:_x[0-9A-Fa-f]{4}_)+")
_TO_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)|[\\x00-\\x08\\x0b-\\x1f\\ufffe\\uffff]")
MAX_INTEGER = 2.0**63


def number(written: str, shown: Shown, *, is_1904: bool) -> str:
    """A number that the file writes so, in a cell that shows it so."""
    if shown == "number" and written.isascii() and written.isdigit() and written[0] != "0":
        return NUMBER + written
    if not _NUMBER.fullmatch(written):
        return MALFORMED + f"{written[:40]!r} is not a number"
    value = float(written)
    if value in (float("inf"), float("-inf")):
        return MALFORMED + f"{written[:40]!r} is out of the range of a float64"
    time = None if shown == "number" else _time(value, shown, is_1904=is_1904)
    return time or NUMBER + _digits(written, value)


def _digits(written: str, value: float) -> str:
    if not value and (written[0] == "-"):
        return "-0"
    if _INTEGER.fullmatch(written):
        return str(int(written))
    return str(int(value)) if value.is_integer() and abs(value) < MAX_INTEGER else repr(value)


def _time(value: float, shown: Shown, *, is_1904: bool) -> str | None:
    """The date or time of a number of days, to a millisecond, which is as exact as Excel is; None if it has
    none.
    """
    if abs(value) > 4e6:
        return None
    milliseconds = round(value * DAY_MS)
    if shown == "duration":
        sign = "-" if milliseconds < 0 else ""
        return f"{DURATION}{sign}{_clock(abs(milliseconds))}"
    if milliseconds < 0:
        return None
    days, rest = divmod(milliseconds, DAY_MS)
    if days == 0 and (shown == "time" or (shown == "datetime" and not is_1904)):
        return CLOCK + _clock(rest)
    day = _day(days, is_1904)
    if day is None:
        return None
    return DAY + day if shown == "date" and not rest else f"{MOMENT}{day}T{_clock(rest)}"


@lru_cache(maxsize=4096)
def _day(days: int, is_1904: bool) -> str | None:
    if not is_1904 and days in (0, DAY_THAT_NEVER_WAS):
        return None
    epoch = SINCE_1904 if is_1904 else BEFORE_IT if days < DAY_THAT_NEVER_WAS else BEHIND_IT
    return (epoch + timedelta(days)).isoformat() if days <= (LAST - epoch).days else None


def _clock(milliseconds: int) -> str:
    seconds, fraction = divmod(milliseconds, 1000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{clock}.{fraction:03}" if fraction else clock


def truth(written: str) -> str:
    """A truth value."""
    if written in {"1", "true"}:
        return TRUTH + "true"
    if written in {"0", "false"}:
        return TRUTH + "false"
    return MALFORMED + f"{written[:40]!r} is not a truth value"


def iso_time(written: str) -> str:
    """A date or time that the file writes as ISO 8601 and not as a number (`t="d"`)."""
    found = _ISO.fullmatch(written)
    day, clock = (found["day"], found["clock"]) if found else (None, None)
    if not day and not clock:
        return MALFORMED + f"{written[:40]!r} is not a date or a time"
    clock = f"{clock}:00" if clock and clock.count(":") == 1 else clock
    if not day:
        return f"{CLOCK}{clock}"
    return f"{MOMENT}{day}T{clock}" if clock else DAY + day


def text(written: str) -> str:
    """A text."""
    limit = LIMITS.excel.text_characters
    if len(written) > limit:
        return MALFORMED + f"its text has more than the {limit:,} characters that a cell can hold"
    return TEXT + written


def unescaped(written: str) -> str:
    """Text without the escapes that stand for characters that XML cannot hold: `_x000D_` is a carriage
    return.
    """
    return _ESCAPED.sub(_characters, written) if "_x" in written else written


def escaped(written: str) -> str:
    """Text with escapes for what XML cannot hold, or would change, and for what looks like an escape."""
    return _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", written)


def _characters(found: re.Match[str]) -> str:
    codes = re.findall("_x([0-9A-Fa-f]{4})_", found[0])
    try:
        return b"".join(int(code, 16).to_bytes(2, "little") for code in codes).decode("utf-16-le")
    except UnicodeDecodeError:  # half of a pair of surrogates
        return found[0]
