"""Reads files that bring their own schema: Parquet, Avro, Arrow IPC."""

import io
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

import polars as pl
from polars.exceptions import PanicException, PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.columns import fit_columns
from ingest_project.objects.parsed import Parsed
from ingest_project.objects.stacking import stacked

ColumnarFormat = Literal["parquet", "avro", "ipc"]


def _read_parquet(body: bytes) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(body), hive_partitioning=False)


def _read_ipc(body: bytes) -> pl.DataFrame:
    # Of Arrow's two formats only the file opens with magic bytes; the stream is what Kafka and Flight sinks write.
    source = io.BytesIO(body)
    return pl.read_ipc(source) if body.startswith(b"ARROW1") else pl.read_ipc_stream(source)


READERS: Final[Mapping[ColumnarFormat, Callable[[bytes], pl.DataFrame]]] = MappingProxyType(
    {"parquet": _read_parquet, "avro": lambda body: pl.read_avro(io.BytesIO(body)), "ipc": _read_ipc}
)


def read_columnar(
    bodies: Sequence[bytes],
    columns: Mapping[str, str] | None,
    *,
    file_format: ColumnarFormat,
    uri: str,
    allow_new_columns: bool,
) -> Parsed:
    """The rows of all files, each fitted to the columns by name, as the files may differ in theirs.

    An empty body is no rows. Raises ObjectUnreadable if any body is no such file, SchemaMismatch if a column does
    not fit.
    """
    frames = [_read(body, file_format, uri) for body in bodies]
    fitted = [fit_columns(frame, columns, uri=uri, allow_new_columns=allow_new_columns) for frame in frames]
    return Parsed(stacked(fitted, uri), tuple(frame.height for frame in frames))


def _read(body: bytes, file_format: ColumnarFormat, uri: str) -> pl.DataFrame:
    if not body:
        return pl.DataFrame()
    try:
        return READERS[file_format](body)
    except (PolarsError, PanicException, OSError, ValueError) as error:  # it panics on some damaged files
        raise ObjectUnreadable(
            uri, f"it is no {file_format} file: {str(error).splitlines()[0][:200]}"
        ) from error
