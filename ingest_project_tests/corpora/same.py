"""Whether a value came in as the file says: in whichever of its exact forms the column's type gives it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from ingest_project_tests.corpora.arrow_values import Clock, Days, Instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Number:
    """A number of JSON, as it is written."""

    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of CSV, which does not tell whether an empty one had quotes, so was a text."""

    text: str


def same(wanted: Any, got: Any) -> bool:
    """Whether `got`, a value of a frame, is the referee's value `wanted`."""
    if isinstance(wanted, Field):
        return (got is None and not wanted.text) or got == wanted.text or _is_parsed(wanted.text, got)
    if wanted is None or got is None:
        return wanted is None and got is None
    if isinstance(wanted, dict):
        return _is_same_struct(wanted, got)
    if isinstance(wanted, list | tuple):
        return _is_same_list(wanted, got)
    if isinstance(wanted, Instant | Days | Clock | datetime | date | time | timedelta):
        return _is_same_time(wanted, got)
    if isinstance(wanted, bool):
        return got is wanted or got == json.dumps(wanted)
    if isinstance(wanted, Number):
        got = got.text if isinstance(got, Number) else got
        return got == wanted.text or _is_same_number(wanted.text, got)
    if isinstance(wanted, int | float | Decimal):
        return _is_same_number(wanted, got.text if isinstance(got, Number) else got)
    if isinstance(wanted, str):
        return bool(got == wanted) or (isinstance(got, bytes) and got == wanted.encode())
    return _is_same_bytes(wanted, got)


def is_hollow(value: Any) -> bool:
    """Whether there is nothing in it: such a part does not have a type, and is left out."""
    if isinstance(value, dict):
        return all(map(is_hollow, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_hollow, value))
    return value is None or value == Field("")


def _is_same_struct(wanted: Mapping[str, Any], got: Any) -> bool:
    if isinstance(got, str):
        return _is_text_of(wanted, got)
    if isinstance(got, list):  # a map
        return len(got) == len(wanted) and _is_same_list([*wanted.items()], got)
    if not isinstance(got, dict):
        return False
    both = {**wanted, **got}
    return all(
        same(wanted[name], got[name]) if name in got and name in wanted else is_hollow(both[name])
        for name in both
    )


def _is_same_list(wanted: Any, got: Any) -> bool:
    if isinstance(got, str):
        return _is_text_of(wanted, got)
    if isinstance(wanted, tuple) and isinstance(got, dict):  # an entry of a map
        got = [*got.values()]
    if isinstance(got, dict):
        got = [*got.items()]
    if not isinstance(got, list | tuple) or len(got) != len(wanted):
        return False
    return all(
        same(one, other) or (other is None and is_hollow(one)) for one, other in zip(wanted, got, strict=True)
    )


def _is_text_of(wanted: Any, got: str) -> bool:
    """Whether this text is the value in JSON."""
    try:
        return same(wanted, json.loads(got, parse_float=Number, parse_int=Number))
    except ValueError:
        return False


def _is_same_number(wanted: Any, got: Any) -> bool:
    if isinstance(got, datetime):  # fastavro gives nanoseconds as numbers
        return bool(_nanoseconds(got) == wanted)
    if isinstance(got, bool) or not isinstance(got, int | float | Decimal | str):
        return False
    if isinstance(wanted, float):
        if isinstance(got, str):
            return float(got) == wanted
        return bool(got == wanted) or (math.isnan(wanted) and isinstance(got, float) and math.isnan(got))
    try:
        exact = Decimal(wanted)
        if isinstance(got, float):
            is_whole = isinstance(wanted, int) or wanted.lstrip("-").isdigit()
            return (
                bool(got == float(exact)) and not math.isinf(got) and (not is_whole or Decimal(got) == exact)
            )
        return Decimal(got) == exact
    except (InvalidOperation, ValueError, OverflowError):
        return False


def _is_parsed(wanted: str, got: Any) -> bool:
    """Whether a value is that of a text, as CSV has it."""
    if isinstance(got, bool):
        return wanted.lower() == json.dumps(got)
    if isinstance(got, float) and not math.isfinite(got):
        return float(wanted) == got or (math.isnan(got) and wanted.lower() == "nan")
    return got is not None and not isinstance(got, str) and _is_same_number(wanted, got)


def _is_same_time(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, timedelta):
        return bool(got == wanted)
    if isinstance(got, str):  # in a column of other values, too
        return str(wanted) in (got, got.replace("T", " "))
    return _nanoseconds(wanted) == _nanoseconds(got)


def _nanoseconds(value: Any) -> int | None:
    """A time as a number, to compare the classes of several libraries."""
    match value:
        case Instant() | Clock():
            return value.nanoseconds
        case Days():
            return value.days * 86_400 * 10**9
        case datetime():
            return (value.replace(tzinfo=value.tzinfo or UTC) - EPOCH) // timedelta(microseconds=1) * 1000
        case date():
            return (value - EPOCH.date()).days * 86_400 * 10**9
        case time():
            seconds = (value.hour * 60 + value.minute) * 60 + value.second
            return (seconds * 10**6 + value.microsecond) * 1000
    return None


def _is_same_bytes(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, UUID):
        return got in (wanted.bytes, str(wanted), wanted)
    if isinstance(wanted, bytes) and isinstance(got, str):
        return wanted == got.encode()
    return bool(wanted == got)
