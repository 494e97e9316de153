"""Cuts a large object into pieces, each of which is read and written by itself: no object is too large for memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Protocol

from ingest_project.errors import ObjectTooLarge
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.columnar.avro_pieces import avro_pieces
from ingest_project.objects.columnar.pieces import columnar_pieces
from ingest_project.objects.content import Content
from ingest_project.objects.csv.pieces import csv_pieces
from ingest_project.objects.format_options import FormatOptions
from ingest_project.objects.json.pieces import json_pieces
from ingest_project.objects.line_pieces import line_pieces
from ingest_project.objects.markers import is_job_mark
from ingest_project.objects.piece import DEFAULT_LIMITS, Limits, Piece
from ingest_project.objects.unpack.compression import unpack_stream
from ingest_project.settings.model import TableFormat


class Source(Protocol):
    """An object's stored bytes: a StreamedObject, or one like it."""

    @property
    def object(self) -> ObjectVersion: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def last_modified(self) -> datetime: ...
    def __iter__(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Cutting:
    """How the large objects of a table are cut."""

    format: TableFormat
    options: FormatOptions
    limits: Limits = DEFAULT_LIMITS


def pieces(source: Source, cutting: Cutting) -> Iterator[Content]:
    """The object's content piece by piece, at least one, each with one body; of a zip one member after the other.

    Raises ObjectError at any piece: what was read of the object before is then of no use. `binary` is not to be cut.
    """
    if is_job_mark(source.object.key) or not source.size_bytes:
        yield Content(source.object, (b"",), source.last_modified)
        return
    uri = source.object.uri
    files = unpack_stream(source, uri, stored_bytes=source.size_bytes)
    contents = chain.from_iterable(_contents(source, chunks, cutting) for chunks in files)
    first = next(contents, None)
    yield first or Content(source.object, (b"",), source.last_modified)
    del first
    yield from contents


def _contents(source: Source, chunks: Iterator[bytes], cutting: Cutting) -> Iterator[Content]:
    """The pieces of one file; none if it is empty, whatever its format."""
    opening = next(chunks, None)
    if opening is None:
        return
    chunks = chain((opening,), chunks)
    match cutting.format:
        case "parquet" | "ipc" as columnar:
            frames = columnar_pieces(
                chunks, columnar, cutting.limits, source.object.uri, passed_over=cutting.options.passed_over
            )
            for frame, first_row in frames:
                yield Content(source.object, (frame,), source.last_modified, first_row)
        case _:
            for piece in _text_pieces(chunks, cutting, source.object.uri):
                oversized = (piece.oversized,) if piece.oversized else ()
                yield Content(source.object, (piece.body,), source.last_modified, piece.first_line, oversized)


def _text_pieces(chunks: Iterator[bytes], cutting: Cutting, uri: str) -> Iterator[Piece]:
    options, limits = cutting.options, cutting.limits
    match cutting.format:
        case "ndjson" | "text":
            return line_pieces(chunks, limits)
        case "json":
            return json_pieces(chunks, options.json_path, limits, uri)
        case "csv":
            return csv_pieces(chunks, options.csv, limits, uri)
        case "avro":
            return avro_pieces(chunks, limits, uri)
        case _:
            raise ObjectTooLarge(uri, "an object of this format cannot be read in pieces")
