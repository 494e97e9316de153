"""Cuts NDJSON and plain text: a record is a line."""

from collections.abc import Iterable, Iterator

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.record_cutter import RecordCutter, last_line_end
from ingest_project.reading.limits import PieceLimits
from ingest_project.reading.piece import Piece


def line_pieces(
    chunks: Iterable[bytes], _options: FormatOptions, limits: PieceLimits, _uri: str
) -> Iterator[Piece]:
    """The text in pieces of whole lines; together they are the text without its oversized lines."""
    return RecordCutter(last_line_end, limits, chunks).pieces()
