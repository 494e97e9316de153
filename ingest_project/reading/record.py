"""A record of a text file: a line of NDJSON or text, or a row of CSV including line ends within quotes."""

from collections.abc import Mapping, Sequence
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
class RowTexts:
    """The text of each row of a body without its last line end, as the file has it.

    `numbers` are those of the rows' first lines, if the reader has not told them. `header` is put above rows
    when they are read again; `mended` are the texts that are read in place of others, by row.
    """

    texts: Sequence[bytes] = field(repr=False)
    numbers: Sequence[int] | None = None
    header: bytes = b""
    mended: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    line_end: bytes = b"\n"
