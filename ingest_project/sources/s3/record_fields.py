"""Parses a record's fields, whose values may be anything.

Messages cannot be trusted: everyone who may send to the queue can choose every value. A value that the ledger
could not store or compare later is refused here, where only its own record fails.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingest_project.errors import NotAnS3Event
from ingest_project.sources.object_version import ObjectVersion

MAX_TEXT_BYTES = 1024
"""S3's own limit for a key; bucket names, version ids, eTags and sequencers are far shorter."""
MAX_SIZE_BYTES = 2**63 - 1
LARGEST_OBJECT_BYTES = 2**46
"""More than an object can have (50 TB); 100,000 such sizes still add up to a 64-bit integer."""
MAX_QUOTED_CHARACTERS = 40
HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{1,64}")
"""S3's sequencers have some 18 digits."""


def quoted(value: object) -> str:
    """A value for an error text: at most 40 characters of a string, escaped; of other values the kind."""
    if isinstance(value, str):
        return repr(value[:MAX_QUOTED_CHARACTERS]) + ("..." if len(value) > MAX_QUOTED_CHARACTERS else "")
    kinds = {dict: "an object", list: "a list", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "absent")


def section(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The JSON object under `name`; raises NotAnS3Event if there is none."""
    value = parent.get(name)
    if not isinstance(value, dict):
        raise NotAnS3Event(f"{name} is {quoted(value)}, not an object")
    return value


def text(parent: Mapping[str, Any], name: str, *, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """The text under `name`; raises NotAnS3Event if it is missing, empty, not a text, or not `storable`."""
    value = optional_text(parent, name, max_bytes=max_bytes)
    if value is None:
        raise NotAnS3Event(f"{name} is missing")
    return value


def optional_text(parent: Mapping[str, Any], name: str, *, max_bytes: int = MAX_TEXT_BYTES) -> str | None:
    """The text under `name`; None if it is missing, null or empty. Raises NotAnS3Event as `text` does."""
    value = parent.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise NotAnS3Event(f"{name} is {quoted(value)}, not a text")
    return storable(value, name, max_bytes=max_bytes)


def storable(value: str, name: str, *, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """`value` itself, if S3 may have written it and a database can hold it; raises NotAnS3Event if not."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise NotAnS3Event(f"{name} {quoted(value)} is not valid Unicode") from None
    if size > max_bytes:
        raise NotAnS3Event(f"{name} {quoted(value)} has {size} bytes; at most {max_bytes} are possible")
    if "\0" in value:
        # PostgreSQL's text type cannot store it, and one such key would fail the claim of all others.
        raise NotAnS3Event(f"{name} {quoted(value)} contains a NUL character")
    return value


def version_id(parent: Mapping[str, Any], name: str) -> str | None:
    """The version id under `name`; None for `null`, which all writes to a bucket without versions have."""
    value = optional_text(parent, name)
    return None if value == "null" else value


def etag(parent: Mapping[str, Any], name: str) -> str | None:
    """The eTag under `name` without HTTP's quotes."""
    return (optional_text(parent, name) or "").strip('"') or None


def size_bytes(parent: Mapping[str, Any]) -> int:
    """The whole number under `size`, at most `LARGEST_OBJECT_BYTES`; 0 if it is missing.

    Raises NotAnS3Event for other values.
    """
    value = parent.get("size", 0)
    if type(value) is not int:
        raise NotAnS3Event(f"size is {quoted(value)}, not a whole number")
    if not 0 <= value <= MAX_SIZE_BYTES:
        raise NotAnS3Event("size is out of range")
    return min(value, LARGEST_OBJECT_BYTES)


def sequencer(parent: Mapping[str, Any]) -> str | None:
    """The sequencer, S3's hexadecimal number that orders the writes of a key; None if it is missing.

    Raises NotAnS3Event for other texts: in comparisons they could be later, or earlier, than all that S3
    sends.
    """
    value = optional_text(parent, "sequencer")
    if value is not None and not HEXADECIMAL.fullmatch(value):
        raise NotAnS3Event(f"sequencer {quoted(value)} is not hexadecimal")
    return value


def event_time(parent: Mapping[str, Any], name: str) -> datetime:
    """The ISO 8601 time under `name`, in UTC, in milliseconds; raises NotAnS3Event if it is not a time."""
    written = text(parent, name)
    try:
        parsed = datetime.fromisoformat(written)
        in_utc = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotAnS3Event(f"{name} {quoted(written)} is not a time") from None
    return in_utc.replace(microsecond=in_utc.microsecond // 1000 * 1000)


def identified(version: ObjectVersion) -> ObjectVersion:
    """`version` itself; raises NotAnS3Event if it has neither version id, sequencer nor eTag."""
    if not version.version:
        raise NotAnS3Event(f"key {quoted(version.key)} has no version id, no sequencer and no eTag")
    return version
