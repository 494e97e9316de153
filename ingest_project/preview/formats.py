"""Tells what an object is: by what its name says, and by what its bytes are. Where they disagree, the bytes count."""

import json
import re
from typing import Final

from ingest_project.preview.columnar_head import ARROW_STREAM
from ingest_project.preview.csv_dialect import find_dialect
from ingest_project.preview.heads import Head
from ingest_project.preview.json_rows import find_path
from ingest_project.preview.listing import COMPRESSED, extension_of
from ingest_project.preview.text_encoding import Decoded, decoded
from ingest_project.settings.model import TableFormat

BY_NAME: Final[dict[str, TableFormat]] = {
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".jsonlines": "ndjson", ".ldjson": "ndjson",
    ".json": "json", ".geojson": "json",
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".psv": "csv",
    ".parquet": "parquet", ".pq": "parquet", ".parq": "parquet",
    ".avro": "avro",
    ".arrow": "ipc", ".arrows": "ipc", ".feather": "ipc", ".ipc": "ipc",
    ".log": "text",
}  # fmt: skip
BINARY_NAMES = frozenset({
    ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".mp3", ".mp4", ".mov", ".wav", ".bin", ".exe",
    ".docx", ".xlsx", ".pptx", ".doc", ".xls", ".tar",
})  # fmt: skip
MAGICS: tuple[tuple[bytes, TableFormat], ...] = (
    (b"PAR1", "parquet"),
    (b"Obj\x01", "avro"),
    (b"ARROW1", "ipc"),
    (ARROW_STREAM, "ipc"),
)
LOOKED_AT = 4096
"""Characters that tell whether it is text at all."""
LINES = 50
"""How many lines tell whether text is NDJSON."""
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def format_by_name(key: str) -> TableFormat | None:
    """The format that a key's extension names, compression aside; None if it names none."""
    extension = extension_of(key).lower()
    for compressed in COMPRESSED:
        extension = extension.removesuffix(compressed)
    return "binary" if extension in BINARY_NAMES else BY_NAME.get(extension)


def format_by_content(head: Head) -> TableFormat | None:
    """The format that the bytes are; None for text that may be several."""
    body = head.body
    if found := next((name for magic, name in MAGICS if body.startswith(magic)), None):
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
    """NDJSON if most lines are objects of their own; a single one that only wraps its rows is a document."""
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
