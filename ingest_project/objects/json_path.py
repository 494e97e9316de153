"""Finds the rows of a JSON document that has them below its top: `{"data": {"items": [...]}}`."""

import json
from collections.abc import Iterator, Sequence

from ingest_project.errors import ObjectUnreadable

WHITESPACE = " \t\r\n"


def skip_whitespace(text: str, position: int) -> int:
    """The place of the next character that is no whitespace, or the end."""
    while position < len(text) and text[position] in WHITESPACE:
        position += 1
    return position


def span_at(text: str, start: int, path: Sequence[str], uri: str) -> tuple[int, int] | None:
    """Where the value under these keys starts and ends, of the object that starts here; None if it is null.

    Of a key that an object has twice the first counts. Raises ObjectUnreadable if a key is missing or leads to
    nothing that has keys, and json.JSONDecodeError if an object on the way is no JSON.
    """
    end = start
    for depth, key in enumerate(path):
        if text[start] != "{":
            above = ".".join(path[:depth])
            raise ObjectUnreadable(uri, f"its {above!r} is no object, so there is no {key!r} in it")
        found = [span for name, span in list(_members(text, start)) if name == key]
        if not found:
            raise ObjectUnreadable(uri, f"it has nothing under {'.'.join(path[: depth + 1])!r}")
        start, end = found[0]
        if text[start:end] == "null":
            return None
    return start, end


def _members(text: str, start: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each key of the object, and where its value starts and ends."""
    decoder = json.JSONDecoder()
    position = skip_whitespace(text, start + 1)
    if text[position : position + 1] == "}":
        return
    while True:
        if text[position : position + 1] != '"':
            raise json.JSONDecodeError("expecting a key in double quotes", text, position)
        key, position = decoder.raw_decode(text, position)
        value = skip_whitespace(text, _behind(text, skip_whitespace(text, position), ":"))
        _, end = decoder.raw_decode(text, value)
        yield key, (value, end)
        position = skip_whitespace(text, end)
        if text[position : position + 1] == "}":
            return
        position = skip_whitespace(text, _behind(text, position, ","))


def _behind(text: str, position: int, mark: str) -> int:
    if text[position : position + 1] != mark:
        raise json.JSONDecodeError(f"expecting {mark!r}", text, position)
    return position + 1
