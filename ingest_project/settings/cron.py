"""Checks the five fields of a cron schedule for typing errors; Dagster checks the rest."""

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ("l",)),  # L is the last day of the month
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/[1-9]\d*)?")


def cron_fault(schedule: str) -> str | None:
    """What is wrong with a cron schedule, with the remedy; None if its five fields are valid."""
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return f"a schedule has five fields, not {len(fields)}; write it like `0 3 * * *`, daily at 03:00 UTC"
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        if not all(_is_sound(part, low, high, words) for part in text.lower().split(",")):
            return f"the {name} is invalid; write *, or numbers from {low} to {high} like 1,5 or 1-5 or */5"
    return None


def checked_cron(written: str) -> str:
    """The schedule. Raises ValueError, with the remedy, if it is invalid."""
    if text := cron_fault(written):
        raise ValueError(text)
    return written


def _is_sound(part: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(part)
    if match is None:
        return False
    bounds = [bound for bound in (match["first"], match["last"]) if bound is not None]
    return all(bound in words or (bound.isdecimal() and low <= int(bound) <= high) for bound in bounds)
