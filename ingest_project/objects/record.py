"""A record of a text file: a line of NDJSON or text, or a row of CSV with the line ends within its quotes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest_project.objects.row_faults import RowFault


@dataclass(frozen=True, slots=True)
class Record:
    """`raw` is the record in UTF-8 with its line end, or the bytes as they are where they are no UTF-8.

    `line_number` is that of its first line, counted from 1. A record with a fault is not to be parsed. `rescued` are
    fields that were taken out of it, with their JSON; `mended` is what is parsed in place of `raw`.
    """

    line_number: int
    raw: bytes = field(repr=False)
    fault: RowFault | None = None
    rescued: Mapping[str, str] = field(default_factory=dict)
    mended: bytes | None = field(default=None, repr=False)

    @property
    def text(self) -> bytes:
        """What is parsed."""
        return self.raw if self.mended is None else self.mended
