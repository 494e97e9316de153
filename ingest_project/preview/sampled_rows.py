"""The rows of one sampled file, as its reader returns them and as the file writes them."""

from dataclasses import dataclass, field

import polars as pl

from ingest_project.settings.formats import TableFormat
from ingest_project.sources.object_version import ObjectVersion


@dataclass(frozen=True, slots=True)
class SampledRows:
    """The rows of one object, or of one file of a zip, and how many of its records could not be read.

    `written` has the first rows of columns that the file writes in another form than they are read: `1`
    beside `1.5`. `numerals` has the number columns of a CSV file, all rows of them, as they are written.
    """

    object: ObjectVersion
    frame: pl.DataFrame = field(repr=False)
    numerals: pl.DataFrame = field(default_factory=pl.DataFrame, repr=False)
    written: pl.DataFrame = field(default_factory=pl.DataFrame, repr=False)
    rejected: int = 0
    format: TableFormat = "ndjson"
    member: str | None = None

    @property
    def name(self) -> str:
        """The object's key, with that of the file in it if it is a zip of several."""
        return self.object.key if self.member is None else f"{self.object.key}!{self.member}"

    def first(self, name: str, count: int) -> pl.Series:
        """The first values of a column, for people."""
        # Not `in columns`: Polars makes a new list of names each time, and there may be thousands.
        read = self.frame[name].head(count)
        written: pl.Series = self.written.get_column(name, default=read).head(count)
        return written if len(written) == len(read) else read
