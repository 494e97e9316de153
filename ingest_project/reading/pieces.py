"""Cuts a large object into pieces, which are read and written one by one, so that it fits into memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from ingest_project.reading.content import Content
from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.reading.piece import FramePiece
from ingest_project.reading.unpack.compression import expansion_limit, unpack_stream
from ingest_project.settings.formats import TableFormat
from ingest_project.sources.s3.markers import is_job_mark
from ingest_project.sources.source import StoredBody


@dataclass(frozen=True, slots=True)
class Cutting:
    """How the large objects of a table are cut."""

    format: TableFormat
    options: FormatOptions
    limits: PieceLimits = LIMITS.portion.piece


def pieces(source: StoredBody, cutting: Cutting) -> Iterator[Content]:
    """The object's content piece by piece, at least one, each with one body; the members of a zip in turn.

    Any piece may raise ObjectError; what was read of the object before must then be discarded. Must not be
    called for a format without a cutter.
    """
    if is_job_mark(source.object.key) or not source.size_bytes:
        yield Content(source.object, (b"",), source.last_modified)
        return
    uri = source.object.uri
    own_zip = FORMATS[cutting.format].own_zip
    limit_bytes = expansion_limit(source.size_bytes, cutting.options.limits.unpack)
    files = unpack_stream(source, uri, limit_bytes=limit_bytes, own_zip=own_zip)
    contents = chain.from_iterable(_contents(source, chunks, cutting) for chunks in files)
    first = next(contents, None)
    yield first or Content(source.object, (b"",), source.last_modified)
    del first
    yield from contents


def _contents(source: StoredBody, chunks: Iterator[bytes], cutting: Cutting) -> Iterator[Content]:
    """The pieces of one file; none if it is empty."""
    opening = next(chunks, None)
    if opening is None:
        return
    whole = chain((opening,), chunks)
    read = FORMATS[cutting.format]
    for piece in read.cut(whole, cutting.options, cutting.limits, source.object.uri):
        content = Content(source.object, (piece.body,), source.last_modified, piece.first_line)
        if isinstance(piece, FramePiece):
            yield replace(content, faults=piece.faults)
        else:
            yield replace(content, oversized=(piece.oversized,) if piece.oversized else ())
