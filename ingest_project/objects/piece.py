"""A piece of a large file: what the cutters of all formats give."""

from dataclasses import dataclass, field

from ingest_project.objects.content import MAX_RECORD_BYTES, Oversized


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a piece of a file is, about, as it ends where a record does; and how long a record may be."""

    piece_bytes: int = 64 * 1024**2
    record_bytes: int = MAX_RECORD_BYTES


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole records of one text, as `Content` has them; `oversized` stood behind the body, if it is there."""

    body: bytes = field(repr=False)
    first_line: int = 1
    oversized: Oversized | None = None
