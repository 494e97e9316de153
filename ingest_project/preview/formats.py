"""Detects the format of an object, by its name and by its bytes. If they disagree, the bytes count."""

import json
import re

from ingest_project.preview.csv_dialect import find_dialect
from ingest_project.preview.heads import Head, format_by_magic
from ingest_project.preview.json_rows import find_path
from ingest_project.preview.listing import COMPRESSED, extension_of
from ingest_project.preview.text_encoding import Decoded, decoded
from ingest_project.reading.formats.table import FORMATS
from ingest_project.settings.formats import TableFormat

LOOKED_AT = 4096
"""How many characters tell whether it is text."""
LINES = 50
"""How many lines tell whether text is NDJSON."""
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def format_by_name(key: str) -> TableFormat | None:
    """The format of a key's extension, without that of a compression; None if the extension is unknown."""
    extension = extension_of(key).lower()
    for compressed in COMPRESSED:
        extension = extension.removesuffix(compressed)
    return next((name for name, one in FORMATS.items() if extension in one.extensions), None)


def format_by_content(head: Head) -> TableFormat | None:
    """The format of the bytes; None if the head is empty."""
    body = head.body
    if found := format_by_magic(body):
        return found
    if not body:
        return None
    text = decoded(body)
    if text is None or ("\0" in text.text[:LOOKED_AT] and not text.has_mark):
        return "binary"
    if text.text.lstrip()[:1] in {"{", "["}:
        return _json_kind(head, text.text)
    named = format_by_name(head.object.key)
    is_marked_up = text.text.lstrip()[:1] == "<"  # XML or HTML, whose attributes may hold delimiters
    is_table = (
        not is_marked_up
        and find_dialect(text.text, encoding=text.encoding, is_whole=head.is_whole) is not None
    )
    if named == "csv" or (is_table and named != "text"):
        return "csv"
    return "binary" if _is_full_of_controls(text) else "text"


def _is_full_of_controls(text: Decoded) -> bool:
    start = text.text[:LOOKED_AT]
    return not text.has_mark and len(CONTROL.findall(start)) > len(start) // 20


def _json_kind(head: Head, text: str) -> TableFormat:
    """NDJSON if most lines are objects; a single object that only contains the rows is a document."""
    lines = [line for line in text.split("\n")[: LINES + 1] if line.strip()]
    whole = lines if head.is_whole and len(lines) <= LINES else lines[:-1] or lines
    objects = sum(_is_object(line) for line in whole)
    if objects * 2 <= len(whole):
        return "json"
    if len(whole) == 1 and (format_by_name(head.object.key) == "json" or find_path(text)):
        return "json"
    return "ndjson"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
