"""Finds where the rows of a JSON document are, whole or truncated: at its top, or in an array below."""

import json
from collections.abc import Iterator

ENVELOPES = frozenset({
    "data", "items", "results", "result", "records", "rows", "values", "entries", "events", "hits",
    "documents", "docs",
    "features", "list", "content", "objects", "value", "payload", "elements", "messages", "logs",
})  # fmt: skip
"""Usual names of the array of rows in an answer."""
MOST_OF_IT = 0.7
"""The share of a document that an array of another name must have to be its rows."""
MAX_DEPTH = 6
WHITESPACE = " \t\r\n"

Path = tuple[str, ...]


def find_path(text: str) -> Path:
    """The keys that lead to the rows of a document; empty if its rows are at the top.

    A single object is an envelope if an array of two or more objects in it has one of the usual names, or
    makes up most of it. Of several such arrays the longest is chosen.
    """
    start = _skip(text.removeprefix("\ufeff"), 0)
    text = text.removeprefix("\ufeff")
    if text[start : start + 1] != "{":
        return ()
    try:
        document, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return _path_to_cut(text, start) or ()
    if text[end:].strip():
        return ()
    size = len(json.dumps(document))
    arrays = [(path, rows) for path, rows in _arrays(document, ()) if _is_enveloped(path, rows, size)]
    return max(arrays, key=lambda found: len(found[1]))[0] if arrays else ()


def _arrays(value: object, path: Path) -> Iterator[tuple[Path, list[object]]]:
    if not isinstance(value, dict) or len(path) >= MAX_DEPTH:
        return
    for key, member in value.items():
        if not key or "." in key:  # a path in the settings is joined by dots
            continue
        if isinstance(member, list) and len(member) > 1 and all(isinstance(row, dict) for row in member):
            yield (*path, key), member
        else:
            yield from _arrays(member, (*path, key))


def _is_enveloped(path: Path, rows: list[object], size: int) -> bool:
    return path[-1].lower() in ENVELOPES or len(json.dumps(rows)) >= MOST_OF_IT * size


def _path_to_cut(text: str, start: int) -> Path | None:
    """The keys that lead to the array in which the text is truncated; None if it is truncated elsewhere."""
    path: Path = ()
    while len(path) < MAX_DEPTH and text[start : start + 1] == "{":
        opened = _cut_member(text, start)
        if opened is None:
            return None
        key, start = opened
        path = (*path, key)
    return path if text[start : start + 1] == "[" else None


def _cut_member(text: str, start: int) -> tuple[str, int] | None:
    """The key of the object's member that is not complete, and where its value starts."""
    decoder = json.JSONDecoder()
    position = _skip(text, start + 1)
    try:
        while True:
            key, position = decoder.raw_decode(text, position)
            position = _skip(text, position)
            if not isinstance(key, str) or text[position : position + 1] != ":":
                return None
            value = _skip(text, position + 1)
            try:
                _, position = decoder.raw_decode(text, value)
            except (ValueError, RecursionError):
                return key, value
            position = _skip(text, _skip(text, position) + 1)
    except (ValueError, RecursionError):
        return None


def _skip(text: str, position: int) -> int:
    """The position of the next character that is not whitespace, or the end."""
    while position < len(text) and text[position] in WHITESPACE:
        position += 1
    return position
