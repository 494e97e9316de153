"""How the objects of a preview are read."""

from dataclasses import dataclass

from ingest_project.reading.format_options import DEFAULT_OPTIONS, FormatOptions
from ingest_project.settings.formats import TableFormat


@dataclass(frozen=True, slots=True)
class ReadAs:
    """A format and its options.

    `header` is that of a CSV file whose header the ingest refuses because it names two columns alike: the
    options then have names for all fields, and the header is read as a record, which is a bad row.
    """

    format: TableFormat
    options: FormatOptions = DEFAULT_OPTIONS
    header: tuple[str, ...] | None = None
