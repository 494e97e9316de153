"""Parses durations in ingest.yaml and on the command line: `90s`, `15m`, `26h`, `30d`, `2w`."""

import re
from datetime import timedelta

_DURATION = re.compile(r"([0-9]{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=36_500)


def parse_duration(text: str) -> timedelta:
    """The duration. Raises ValueError, with the remedy, if it is invalid or longer than a century."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a length of time; write a number and s, m, h, d or w, like 26h")
    try:
        length = timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        length = _LONGEST
    if length >= _LONGEST:
        raise ValueError("longer than a century; write it like 12h or 30d")
    return length
