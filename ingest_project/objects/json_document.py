"""Turns JSON documents into NDJSON: an array of objects, one object, or several of either one after the other.

Firehose writes objects without anything between them; APIs are dumped as one array, often indented. The elements'
text is kept as it is, so numbers keep their digits.
"""

import json
from collections.abc import Iterator

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.columns import example_of

WHITESPACE = " \t\r\n"
ONE_LINE = str.maketrans("\r\n", "  ")
"""JSON allows no line end within a string, so each one is mere layout."""


def as_ndjson(body: bytes, uri: str) -> bytes:
    """The document's objects, one a line. Raises ObjectUnreadable if there is anything but objects in it."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ObjectUnreadable(uri, "it is no UTF-8 text") from error
    try:
        return "".join(
            f"{text[start:end].translate(ONE_LINE)}\n" for start, end in _objects(text, uri)
        ).encode()
    except (ValueError, RecursionError) as error:
        raise ObjectUnreadable(uri, f"it is no JSON: {error}") from error


def _objects(text: str, uri: str) -> Iterator[tuple[int, int]]:
    """Where each object starts and ends, at the top or in an array at the top."""
    decoder = json.JSONDecoder()
    position, in_array = _skip(text, 0), False
    while position < len(text):
        if not in_array and text[position] == "[":
            position, in_array = _skip(text, position + 1), True
            if text[position : position + 1] == "]":
                position, in_array = _skip(text, position + 1), False
            continue
        value, end = decoder.raw_decode(text, position)
        if not isinstance(value, dict):
            raise ObjectUnreadable(uri, f"it holds {example_of(value)} where an object should be")
        yield position, end
        position = _skip(text, end)
        if in_array:
            position, in_array = _after_element(text, position)
    if in_array:
        raise json.JSONDecodeError("the array does not end", text, position)


def _after_element(text: str, position: int) -> tuple[int, bool]:
    if text[position : position + 1] == ",":
        return _skip(text, position + 1), True
    if text[position : position + 1] == "]":
        return _skip(text, position + 1), False
    raise json.JSONDecodeError("expecting ',' or ']'", text, position)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in WHITESPACE:
        position += 1
    return position
