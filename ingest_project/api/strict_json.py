"""Parses the JSON of a request, and refuses what parsers disagree about: what was checked is what runs."""

import json
import math
from typing import Any, NoReturn

from ingest_project.sources.jobs.request import MAX_DEPTH


def parse_json(body: bytes) -> Any:
    """The value of a body. Raises ValueError, whose text says what is wrong and repeats nothing of the body.

    Refused are invalid UTF-8, keys that are given twice, numbers that are not finite or too long, text with
    half a surrogate pair, and more than 64 levels.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from None
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError(f"it has more than {MAX_DEPTH} levels") from None
    except _Refused:
        raise
    except ValueError:  # an integer with more digits than Python converts
        raise ValueError("it has a number that is too long") from None
    _check(value)
    return value


class _Refused(ValueError):
    """What is JSON by its grammar, but not accepted."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("it has a key twice in one object")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused("it has a number that is out of range")
    return value


def _no_constant(_name: str) -> NoReturn:
    raise _Refused("it has NaN or Infinity, which are not JSON")


def _check(value: Any) -> None:
    """Walks without recursion: the depth is the request's."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"it has more than {MAX_DEPTH} levels")
        inner: list[Any] = []
        for one in level:
            if isinstance(one, str):
                _check_text(one)
            elif isinstance(one, dict):
                inner += [*one, *one.values()]
            elif isinstance(one, list):
                inner += one
        level = inner


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it has text with half a surrogate pair") from None
