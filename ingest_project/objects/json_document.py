"""Turns JSON documents into NDJSON: an array of objects, one object, or several of either one after the other.

Firehose writes objects without anything between them; APIs are dumped as one array, often indented. The elements'
text is kept as it is, so numbers keep their digits.
"""

import json
from collections.abc import Iterator, Sequence

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.columns import example_of
from ingest_project.objects.json_path import skip_whitespace, span_at

ONE_LINE = str.maketrans("\r\n", "  ")
"""JSON allows no line end within a string, so each one is mere layout."""


def as_ndjson(body: bytes, uri: str, path: Sequence[str] = ()) -> bytes:
    """The document's objects, one a line: at its top, or the array or object under a path of keys in each of those.

    A null under the path is an empty array, as some programs write one. Raises ObjectUnreadable if there is anything
    but objects, or nothing under the path.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ObjectUnreadable(uri, "it is no UTF-8 text") from error
    try:
        return "".join(
            f"{text[start:end].translate(ONE_LINE)}\n" for start, end in _rows(text, path, uri)
        ).encode()
    except (ValueError, RecursionError) as error:
        raise ObjectUnreadable(uri, f"it is no JSON: {error}") from error


def _rows(text: str, path: Sequence[str], uri: str) -> Iterator[tuple[int, int]]:
    """Where each row's object starts and ends."""
    for start, end in _objects(text, 0, len(text), uri):
        if not path:
            yield start, end
        elif span := span_at(text, start, path, uri):
            yield from _objects(text, *span, uri)


def _objects(text: str, position: int, end_of_text: int, uri: str) -> Iterator[tuple[int, int]]:
    """Where each object starts and ends between two places, at the top or in an array at the top."""
    decoder = json.JSONDecoder()
    position, in_array = skip_whitespace(text, position), False
    while position < end_of_text:
        if not in_array and text[position] == "[":
            position, in_array = skip_whitespace(text, position + 1), True
            if text[position : position + 1] == "]":
                position, in_array = skip_whitespace(text, position + 1), False
            continue
        value, end = decoder.raw_decode(text, position)
        if not isinstance(value, dict):
            raise ObjectUnreadable(uri, f"it holds {example_of(value)} where an object should be")
        yield position, end
        position = skip_whitespace(text, end)
        if in_array:
            position, in_array = _after_element(text, position)
    if in_array:
        raise json.JSONDecodeError("the array does not end", text, position)


def _after_element(text: str, position: int) -> tuple[int, bool]:
    if text[position : position + 1] == ",":
        return skip_whitespace(text, position + 1), True
    if text[position : position + 1] == "]":
        return skip_whitespace(text, position + 1), False
    raise json.JSONDecodeError("expecting ',' or ']'", text, position)
