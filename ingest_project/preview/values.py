"""Values of unknown files, short and in one line."""

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal

CHARACTERS = 60
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def shown(value: object) -> str:
    """The value as its file may write it, truncated to 60 characters; `cell` escapes control characters."""
    return cut(_text(value), CHARACTERS)


def cut(text: str, limit: int) -> str:
    """The text; if it is longer than the limit, it is truncated and ends in three dots."""
    return text if len(text) <= limit else f"{text[: max(1, limit - 3)]}..."


def human(size_bytes: int) -> str:
    """A size for people: `4.2 MiB`."""
    size, unit = float(size_bytes), 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size_bytes} B" if unit == 0 else f"{size:.1f} {UNITS[unit]}"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value[: CHARACTERS + 1]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return "0x" + value[:CHARACTERS].hex()
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, default=_plain, ensure_ascii=False)[: CHARACTERS + 1]
    return str(value)


def _plain(value: object) -> str:
    if isinstance(value, Decimal | timedelta):
        return str(value)
    return _text(value)
