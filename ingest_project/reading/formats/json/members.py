"""Finds the members of a JSON object in its text, with digits and spelling unchanged."""

import json
from collections.abc import Iterator

WHITESPACE = " \t\r\n"


def members(text: str, start: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each key of the object, and where its value starts and ends."""
    decoder = json.JSONDecoder()
    position = _skip_whitespace(text, start + 1)
    if text[position : position + 1] == "}":
        return
    while True:
        if text[position : position + 1] != '"':
            raise json.JSONDecodeError("expecting a key in double quotes", text, position)
        key, position = decoder.raw_decode(text, position)
        value = _skip_whitespace(text, _behind(text, _skip_whitespace(text, position), ":"))
        _, end = decoder.raw_decode(text, value)
        yield key, (value, end)
        position = _skip_whitespace(text, end)
        if text[position : position + 1] == "}":
            return
        position = _skip_whitespace(text, _behind(text, position, ","))


def _behind(text: str, position: int, mark: str) -> int:
    if text[position : position + 1] != mark:
        raise json.JSONDecodeError(f"expecting {mark!r}", text, position)
    return position + 1


def _skip_whitespace(text: str, position: int) -> int:
    """The place of the next character that is not whitespace, or the end."""
    while position < len(text) and text[position] in WHITESPACE:
        position += 1
    return position
