"""What `ingest send` reads: lines that are message bodies, or NDJSON lines that are entries.

The input is read in parts, so that a file of any size needs the memory of one part.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from ingest_project.errors import InvalidEntries
from ingest_project.sources.sqs.send_entries import SHOWN_PROBLEMS, entry_problems

PART_ENTRIES = 1_000
PART_BYTES = 8 * 1024**2
MAX_LINE_BYTES = 16 * 1024**2
"""Longer than any entry as NDJSON: a body of 1 MiB may have six characters for each byte, as `\\u0001`."""


@dataclass(slots=True)
class Part:
    """Consecutive lines as entries. `bytes_read` counts from the start of the input, `lines` too."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    lines_of_ids: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    bytes_read: int = 0
    lines: int = 0
    empty_lines: int = 0

    @property
    def is_full(self) -> bool:
        return self.size_bytes >= PART_BYTES


@dataclass(frozen=True, slots=True)
class LineFormat:
    """How a line becomes an entry. `group_id` is that of entries that do not have their own."""

    is_ndjson: bool
    group_id: str | None = None

    def entry(self, number: int, line: bytes) -> dict[str, Any]:
        """The entry of a line; its Id is the line's number unless it has one. Raises ValueError."""
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"not UTF-8 at byte {error.start}") from None
        given = _ndjson_entry(text) if self.is_ndjson else {"MessageBody": text}
        if given.get("Id") is None:
            given["Id"] = str(number)
        if self.group_id is not None and given.get("MessageGroupId") is None:
            given["MessageGroupId"] = self.group_id
        return given


def parts(stream: IO[bytes], line_format: LineFormat, entries: int = PART_ENTRIES) -> Iterator[Part]:
    """The lines of the stream in parts of so many entries, or of 8 MiB. Empty lines are counted and left out.

    Raises InvalidEntries, with the line, for a line that is not an entry, and for an Id that its part has
    twice; no part after the one before it is given.
    """
    part, problems = Part(), list[str]()
    while line := stream.readline(MAX_LINE_BYTES + 1):
        part.lines += 1
        part.bytes_read += len(line)
        part.size_bytes += len(line)
        if len(line) > MAX_LINE_BYTES:
            raise InvalidEntries([f"line {part.lines}: longer than {MAX_LINE_BYTES:,} bytes"])
        problems += _add(part, line.removesuffix(b"\n").removesuffix(b"\r"), line_format)
        if len(problems) >= SHOWN_PROBLEMS:
            break
        if len(part.entries) >= entries or part.is_full:
            if not problems:
                yield part
            part = Part(bytes_read=part.bytes_read, lines=part.lines, empty_lines=part.empty_lines)
    if problems:
        raise InvalidEntries(problems)
    if part.lines:
        yield part


def _add(part: Part, line: bytes, line_format: LineFormat) -> list[str]:
    """Adds the line's entry to the part; gives what is wrong with it."""
    if not line:
        part.empty_lines += 1
        return []
    try:
        entry = line_format.entry(part.lines, line)
    except ValueError as error:
        return [f"line {part.lines}: {error}"]
    found = list(entry_problems(entry))
    if not found and (first := part.lines_of_ids.setdefault(entry["Id"], part.lines)) != part.lines:
        found = [f"its Id {entry['Id']!r} is that of line {first} too"]
    if not found:
        part.entries.append(entry)
    return [f"line {part.lines}: {one}" for one in found]


def _ndjson_entry(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - a fault of the input, not of the program
    for key in ("MessageAttributes", "MessageSystemAttributes"):
        attributes = given.get(key)
        for name, value in attributes.items() if isinstance(attributes, dict) else ():
            if isinstance(value, dict) and isinstance(value.get("BinaryValue"), str):
                value["BinaryValue"] = _bytes(key, name, value["BinaryValue"])
    return given


def _bytes(key: str, name: str, text: str) -> bytes:
    """Bytes in JSON are base64, as in the AWS CLI."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{key}[{name!r}]: BinaryValue is not base64") from None


def ndjson_line(entry: Any) -> str:
    """An entry as a line that `parts` reads again."""
    return json.dumps(dict(entry), default=lambda value: base64.b64encode(value).decode()) + "\n"
