"""Parses the time that a key names: `2026-11-20/hour=13`, `20261120T13`, `2026/11/20/13`.

The whole text must be a time: year, month, day, hour, minute, second, in this order, with only those
separators and names between them that the grammar below allows. Any other text is an error, never a guess:
digits are not collected across letters, percent signs or other characters.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from ingest_project.settings.partition_windows import PartitionEvery

UNITS = ("year", "month", "day", "hour")
UNITS_NEEDED: dict[PartitionEvery, int] = {"month": 2, "week": 3, "day": 3, "hour": 4}
YEAR_FIRST = re.compile("/?(?:[A-Za-z_][A-Za-z0-9_-]*=)?[0-9]{4}")
UNIT = re.compile(r"[0-9]{1,4}")

_NUMBER = "(?:[0-9]{2}|(?<![0-9])[0-9](?![0-9]))"
"""Two digits, or a single one, as in `2026/1/5`."""


def _named(words: str) -> str:
    """The name of a Hive partition: one of these words, alone or after others: `hour=`, `event_hour=`."""
    return f"(?:(?:[a-z0-9]+[_-])*(?:{words})=)?"


_TIME = re.compile(
    rf"""
    /? (?:[a-z_][a-z0-9_-]*=)?                             # dt=, year=, or any other name
    (?P<year>[0-9]{{4}})
    (?: (?:[-/_.]{_named("months?|mm|m|mon")})? (?P<month>{_NUMBER})
    (?: (?:[-/_.]{_named("days?|dd|d")})? (?P<day>{_NUMBER})
    (?: (?:(?:[-/_.:]|[ ]|[-/_]?t){_named("hours?|hh|hr|h")})? (?P<hour>{_NUMBER})
    (?: (?P<separator>[-/_.:]?) {_named("minutes?|mins?|mi|mm")} (?P<minute>{_NUMBER})
    (?: (?P=separator) {_named("seconds?|secs?|ss|s")} (?P<second>{_NUMBER}) (?:[.,][0-9]+)? )? )?
    [ ]? (?P<offset> z | utc | [+-][0-9]{{2}} (?: :?[0-9]{{2}} )? )?
    )? )? )?
    [-/_.]?                                                # a separator at the end has no meaning
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


def named_time(groups: Mapping[str, str | None], every: PartitionEvery) -> datetime:
    """The time that a pattern's groups name, as a naive UTC time, at least as exact as `every` needs.

    From the group `partition`, whose whole text is a time; else from the groups named after the units. A time
    with an offset is converted to UTC. Raises ValueError with what is missing or wrong.
    """
    text = groups.get("partition")
    return _from_units(groups, every) if text is None else _from_text(text, every)


def _from_text(text: str, every: PartitionEvery) -> datetime:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(_unreadable(text, every))
    numbers = [int(match[unit]) for unit in UNITS if match[unit]]
    _check_complete(len(numbers), every, repr(text))
    naive = _time(numbers + [int(match[unit]) for unit in ("minute", "second") if match[unit]])
    return naive if match["offset"] is None else _in_utc(naive, match["offset"])


def _from_units(groups: Mapping[str, str | None], every: PartitionEvery) -> datetime:
    numbers: list[int] = []
    for unit in UNITS[: UNITS_NEEDED[every]]:
        text = groups.get(unit) or ""
        if not UNIT.fullmatch(text):
            break
        numbers.append(int(text))
    _check_complete(len(numbers), every, "what the pattern finds")
    return _time(numbers)


def _check_complete(found: int, every: PartitionEvery, what: str) -> None:
    if found < UNITS_NEEDED[every]:
        raise ValueError(f"{what} has no {UNITS[found]}; {_let_it_find(every)}")


def _unreadable(text: str, every: PartitionEvery) -> str:
    if not YEAR_FIRST.match(text):
        return f"{text!r} does not begin with a year; {_let_it_find(every)}"
    return (
        f"{text!r} as a whole is not a time like 2026-11-20, 2026/11/20/13 or 20261120T134500Z; "
        "correct the key, or let the pattern find the time and nothing else"
    )


def _let_it_find(every: PartitionEvery) -> str:
    needed = UNITS_NEEDED[every]
    return f"let the pattern find {', '.join(UNITS[: needed - 1])} and {UNITS[needed - 1]} in digits"


def _time(numbers: list[int]) -> datetime:
    parts = [*numbers, 1] if len(numbers) == 2 else numbers
    try:
        # Naive UTC, as Dagster's keys and `start_time` are.
        return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        wrong = "-".join(str(number) for number in numbers)
        raise ValueError(f"{wrong} is not a possible date or time; correct the key or the pattern") from None


def _in_utc(naive: datetime, offset: str) -> datetime:
    if offset[0] not in "+-":
        return naive
    hours, minutes = int(offset[1:3]), int(offset[3:].removeprefix(":") or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(f"{offset} is not a possible offset from UTC; correct the key or the pattern")
    ahead = timedelta(hours=hours, minutes=minutes) * (1 if offset[0] == "+" else -1)
    return naive.replace(tzinfo=timezone(ahead)).astimezone(UTC).replace(tzinfo=None)
