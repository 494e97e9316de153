"""Values of strangers, short and in one line."""

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal

CHARACTERS = 60


def shown(value: object) -> str:
    """The value as its file may write it, cut to some 60 characters; control characters stay for `cell` to escape."""
    text = _text(value)
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]}..."


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
