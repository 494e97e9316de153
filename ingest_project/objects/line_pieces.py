"""Cuts NDJSON and plain text: a record is a line."""

from collections.abc import Iterable, Iterator

from ingest_project.objects.piece import Limits, Piece
from ingest_project.objects.record_cutter import RecordCutter, last_line_end


def line_pieces(chunks: Iterable[bytes], limits: Limits) -> Iterator[Piece]:
    """The text in pieces of whole lines; the pieces put together are the text, but for oversized lines."""
    return RecordCutter(last_line_end, limits, chunks).pieces()
