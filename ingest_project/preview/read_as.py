"""How the objects of a preview are read."""

from dataclasses import dataclass

from ingest_project.objects.format_options import DEFAULT_OPTIONS, FormatOptions
from ingest_project.settings.model import TableFormat


@dataclass(frozen=True, slots=True)
class ReadAs:
    """A format and its options."""

    format: TableFormat
    options: FormatOptions = DEFAULT_OPTIONS
