"""Checks the `format` and `timezone` of a column of dates or times in ingest.yaml.

A format is one of ISO_FORMS, one of EPOCHS, or consists of strptime's directives, except ambiguous ones: not
`%Z`, because many zones share an abbreviation, and not `%c`, `%x` and `%X`, because they depend on a locale.
"""

import re
from difflib import get_close_matches
from zoneinfo import available_timezones

ISO = "iso"
ISO_TRUNCATED = "iso_truncated"
"""ISO 8601 with fractions cut to microseconds, for the seven digits of .NET and the nine of Go."""
ISO_FORMS = (ISO, ISO_TRUNCATED)
EPOCHS = ("epoch_s", "epoch_ms", "epoch_us", "epoch_ns")
"""Seconds, milli-, micro- or nanoseconds since 1970-01-01T00:00:00Z."""
TIME_TYPES = ("date", "time", "timestamp", "timestamptz")

DIRECTIVE = re.compile(r"%(?:\.[369]?f|[:#]z|.|$)", re.DOTALL)
_DATES = {
    "%Y": "Y",
    "%y": "Y",
    "%m": "m",
    "%b": "m",
    "%h": "m",
    "%B": "m",
    "%d": "d",
    "%e": "d",
    "%j": "md",
    "%a": "",
    "%A": "",
    "%F": "Ymd",
    "%D": "Ymd",
}
_TIMES = {
    "%H": "H",
    "%I": "I",
    "%p": "p",
    "%M": "M",
    "%S": "S",
    "%f": "f",
    "%.f": "f",
    "%.3f": "f",
    "%.6f": "f",
    "%.9f": "f",
    "%R": "HM",
    "%T": "HMS",
}
_OFFSETS = {"%z": "z", "%:z": "z", "%#z": "z"}
_MEANINGS = {**_DATES, **_TIMES, **_OFFSETS, "%%": "", "%t": "", "%n": ""}
_REMEDIES = {
    "%Z": "an abbreviation may mean several zones; leave it out of the text, and set `timezone`",
    "%s": "write epoch_s",
    "%c": "it depends on a locale; write its parts",
    "%x": "it depends on a locale; write its parts",
    "%X": "it depends on a locale; write its parts",
    "%-": "write %d, %m or %H: they take one digit as well as two",
}


def time_format_fault(format: str, type_name: str) -> str | None:  # noqa: A002 - the settings' own word
    """What is wrong with a `format` for a column of this type, with the remedy; None if it is valid."""
    if type_name not in TIME_TYPES:
        remedy = f"remove `format`, or declare one of {', '.join(TIME_TYPES)}"
        return f"a {type_name} does not have a time format; {remedy}"
    if format in ISO_FORMS:
        return None
    if format in EPOCHS:
        takes = type_name.startswith("timestamp")
        return None if takes else f"{format} is an instant, not a {type_name}; declare timestamptz"
    if "%" not in format:
        names = ", ".join((*ISO_FORMS, *EPOCHS))
        return f"not a time format; write {names}, or strptime's directives like %d.%m.%Y"
    return _unknown_directive(format) or _incomplete(format, type_name)


def timezone_fault(name: str) -> str | None:
    """What is wrong with a `timezone`, with the remedy; None if it is in the IANA time zone database."""
    zones = available_timezones() - {"localtime", "Factory"}
    if name in zones:
        return None
    by_lower = {zone.lower(): zone for zone in zones}
    close = get_close_matches(name.lower().replace(" ", "_"), by_lower, n=1)
    meant = f"did you mean {by_lower[close[0]]}?" if close else "write it like Europe/Berlin"
    return f"not a time zone; {meant}"


def _unknown_directive(format: str) -> str | None:  # noqa: A002
    if any(character < " " for character in format):
        return "a format must not have control characters; write %t or %n for blanks"
    for match in DIRECTIVE.finditer(format):
        if match[0] not in _MEANINGS:
            remedy = _REMEDIES.get(match[0], f"known are {', '.join(_MEANINGS)}")
            return f"unknown directive {match[0]}; {remedy}"
        if match[0] == "%f" and format[: match.start()][-1:] != ".":
            return "%f is a fraction of a second; write it after a point, as in %S.%f"
    return None


def _incomplete(format: str, type_name: str) -> str | None:  # noqa: A002
    found = "".join(_MEANINGS[match[0]] for match in DIRECTIVE.finditer(format))
    twice = {letter for letter in found if found.count(letter) > 1}
    if twice:
        return "it has a part of the time twice; name each part once"
    if "I" in found and "p" not in found:
        return "%I is a 12-hour hour; add %p, or write %H"
    if "p" in found and "I" not in found:
        return "%p needs a 12-hour hour; write %I"
    parts = set(found.replace("I", "H").replace("p", ""))
    if type_name == "time":
        return None if parts <= set("HMSf") and {"H", "M"} <= parts else "a time is %H:%M:%S and nothing else"
    if not set("Ymd") <= parts:
        return "it must have a year, a month and a day: %Y, %m and %d"
    if type_name == "date":
        return None if parts == set("Ymd") else "a date has no time of day; declare timestamp or timestamptz"
    if parts & set("HMSf") and not {"H", "M"} <= parts:
        return "an hour needs its minute: %H and %M"
    if "f" in parts and "S" not in parts:
        return "a fraction needs its seconds: %S.%f"
    if "z" in parts and type_name == "timestamp":
        return f"a {type_name} has no offset; declare timestamptz, or leave the offset out"
    return None
