"""How the objects of a preview are read."""

from dataclasses import dataclass

from ingest_project.objects.format_options import DEFAULT_OPTIONS, FormatOptions
from ingest_project.settings.model import TableFormat


@dataclass(frozen=True, slots=True)
class ReadAs:
    """A format and its options.

    `header` is that of a CSV file whose header the ingest refuses, as it names two columns alike: the options have names
    for all fields then, and the line of the header is a record that is none.
    """

    format: TableFormat
    options: FormatOptions = DEFAULT_OPTIONS
    header: tuple[str, ...] | None = None
