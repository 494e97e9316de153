"""The time that a key names, as people write times into keys: `2026-11-20/hour=13`, `20261120T13`, `2026/11/20/13`."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from ingest_project.settings.model import PartitionEvery

UNITS = ("year", "month", "day", "hour")
UNITS_NEEDED: dict[PartitionEvery, int] = {"month": 2, "week": 3, "day": 3, "hour": 4}
COMPACT_LENGTHS = (4, 6, 8, 10, 12, 14)
"""2026, 202611, 20261120, 2026112013, and with minutes and seconds, which no partition needs."""
DIGITS = re.compile(r"[0-9]+")


def named_time(groups: Mapping[str, str | None], every: PartitionEvery) -> datetime:
    """The time that a pattern's groups name, cut down to what `every` needs: a naive UTC time.

    From the group `partition`, whose digits are year, month, day and hour in this order, however they are
    separated; else from the groups named after these units. Raises ValueError, whose text says what is missing.
    """
    text = groups.get("partition")
    numbers = _numbers(text) if text is not None else _numbers_of_units(groups)
    needed = UNITS_NEEDED[every]
    if len(numbers) < needed:
        found = repr(text) if text is not None else "what the pattern finds"
        raise ValueError(
            f"{found} names no {UNITS[len(numbers)]}; let the pattern find {_in_words(needed)} in digits"
        )
    year, month = numbers[:2]
    day = numbers[2] if needed > 2 else 1
    hour = numbers[3] if needed > 3 else 0
    try:
        return datetime(year, month, day, hour)  # noqa: DTZ001 - Dagster's keys and `start_time` are naive UTC
    except (ValueError, OverflowError):
        wrong = "-".join(str(number) for number in numbers[:needed])
        raise ValueError(f"{wrong} is no possible date; correct the key or the pattern") from None


def _numbers(text: str) -> list[int]:
    first, *rest = DIGITS.findall(text) or [""]
    if len(first) not in COMPACT_LENGTHS:
        return []
    return [
        int(part) for part in [first[:4], *_pairs(first[4:]), *(pair for run in rest for pair in _pairs(run))]
    ]


def _pairs(digits: str) -> Sequence[str]:
    """Two digits at a time; a single digit, as in `2026/1/5`, is a number of its own."""
    return [digits[start : start + 2] for start in range(0, len(digits), 2)]


def _numbers_of_units(groups: Mapping[str, str | None]) -> list[int]:
    numbers: list[int] = []
    for unit in UNITS:
        text = groups.get(unit) or ""
        if not DIGITS.fullmatch(text) or len(text) > 4:
            break
        numbers.append(int(text))
    return numbers


def _in_words(needed: int) -> str:
    return ", ".join(UNITS[: needed - 1]) + " and " + UNITS[needed - 1]
