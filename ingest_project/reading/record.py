"""A record of a text file: a line of NDJSON or text, or a row of CSV including line ends within quotes."""

from dataclasses import dataclass, field

from ingest_project.reading.row_faults import RowFault


@dataclass(frozen=True, slots=True)
class Record:
    """`raw` is the record in UTF-8 with its line end, or its bytes as they are if they are not valid UTF-8.

    `line_number` is that of its first line, counted from 1. A record with a fault must not be parsed.
    `mended` is parsed in place of `raw`.
    """

    line_number: int
    raw: bytes = field(repr=False)
    fault: RowFault | None = None
    mended: bytes | None = field(default=None, repr=False)

    @property
    def text(self) -> bytes:
        """The bytes that are parsed."""
        return self.raw if self.mended is None else self.mended


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one body. `header` is put above them when they are read again."""

    records: tuple[Record, ...]
    header: bytes = b""


@dataclass(frozen=True, slots=True)
class Sieved:
    """A body in records, each without its last line end, and the places of those that may be bad.

    Some of these may be good, and others may be bad too. `header` is put above records when they are read;
    `line_numbers` are those of their first lines.
    """

    records: list[bytes] = field(repr=False)
    line_numbers: list[int] = field(repr=False)
    suspects: list[int] = field(repr=False)
    header: bytes = b""
