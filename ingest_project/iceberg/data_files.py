"""Writes rows as Parquet data files in the warehouse, which are not part of a snapshot yet.

The files of a batch stay open while its rows come, portion by portion, so that a partition has one file of
many rows rather than one for each portion. Threads encode and compress them while the next rows are read.
"""

import itertools
import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import pyarrow as pa
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionKey, PartitionSpec
from pyiceberg.table import TableProperties
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.utils.properties import property_as_int

from ingest_project.errors import RowsRefused
from ingest_project.iceberg.fitted_rows import FittedRows, fit_rows
from ingest_project.iceberg.open_file import OpenFile
from ingest_project.iceberg.outage import Outages
from ingest_project.iceberg.recorded_outputs import RecordedOutputs
from ingest_project.iceberg.refusal import refusals

WRITERS = os.cpu_count() or 1
"""How many files are written at once: Parquet is encoded and compressed on one core each."""
OPEN_FILES = 128
"""The most files that are open: each takes memory, and a process may open about 1,000 of all kinds."""
OPEN_BYTES = 96 * 1024**2
"""How many bytes of open files the storage may hold in memory; above it the largest are closed."""
UPLOAD_BYTES = 10 * 1024**2
"""What PyArrow holds of a file before it uploads a part of it to S3."""
PIECE_BYTES = 64 * 1024**2
"""The bytes of rows that become one row group at most."""

_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """Data files that wait for a commit: their rows, their bytes as stored, and their partition spec."""

    rows: int
    size_bytes: int
    spec: PartitionSpec
    data_files: tuple[DataFile, ...] = field(repr=False)


class DataFiles:
    """The data files of one batch, open until `close`. Not safe to share by threads.

    A file is full at the table's `write.target-file-size-bytes`. Rows with other columns or types, or of
    another partition spec, than those before begin new files. After any exception only `discard` may be
    called.
    """

    def __init__(self, io: FileIO, *, name: str, outages: Outages | None = None) -> None:
        self._outputs = RecordedOutputs(io)
        self._name = name
        self._outages = outages
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="data-files")
        self._open: dict[_Key, OpenFile] = {}
        """By partition, the one that was written last at the end."""
        self._closed: list[tuple[OpenFile, Future[DataFile]]] = []
        self._metadata: TableMetadata | None = None
        """Of the rows that were added last, like `_columns`."""
        self._columns: pa.Schema | None = None
        self._rows = 0
        # One uuid for all: two attempts never have a file of the same name, so each may be deleted alone.
        self._uuid = uuid.uuid4()
        self._numbers = itertools.count()

    def add(self, fitted: FittedRows) -> None:
        """Begins to write these rows; first waits for those before, so that only these are held.

        Raises what the writing of those before raised: RowsRefused, or CatalogUnavailable for an outage.
        """
        if not fitted.rows.num_rows:
            return
        with self._translated():
            self._wait()
            target_bytes = _target_bytes(fitted.metadata)
            self._close_files(self._full(target_bytes) if self._suit(fitted) else [*self._open])
            self._metadata, self._columns = fitted.metadata, fitted.rows.schema
            self._rows += fitted.rows.num_rows
            height = _height(fitted.rows, min(PIECE_BYTES, target_bytes))
            for part in fitted.parts:
                for number, piece in enumerate(part.pieces(height)):
                    self._file_for(part.key, fitted, target_bytes if number else None).write(
                        fitted.rows, piece
                    )

    def close(self) -> WrittenFiles | None:
        """Completes all files; None if there were no rows. Raises what `add` raises."""
        with self._translated():
            self._wait()
            self._close_files([*self._open])
            files = tuple(data_file.result() for _, data_file in self._closed)
            self._writers.shutdown()
            if self._metadata is None:
                return None
            if (rows := sum(one.record_count for one in files)) != self._rows:
                raise RowsRefused(self._name, f"{self._rows} rows became {rows} in its data files")
            size_bytes = sum(one.file_size_in_bytes for one in files)
            return WrittenFiles(rows, size_bytes, self._metadata.spec(), files)

    def discard(self) -> None:
        """Tries to delete all files, complete ones too. Nothing is being written any more when it returns."""
        self._writers.shutdown(cancel_futures=True)
        for one in [*self._open.values(), *(one for one, _ in self._closed)]:
            one.abandon()
        self._outputs.discard()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        outages = nullcontext() if self._outages is None else self._outages.translated(self._name)
        with outages, refusals(self._name, "PyIceberg cannot write the rows", RowsRefused):
            yield

    def _suit(self, fitted: FittedRows) -> bool:
        """Whether the open files take these rows."""
        if self._metadata is None or self._columns is None:
            return True
        one, other = self._metadata, fitted.metadata
        has_one_layout = one.schema() == other.schema() and one.spec() == other.spec()
        return has_one_layout and self._columns.equals(fitted.rows.schema)

    def _wait(self) -> None:
        for one in self._open.values():
            one.wait()
        for _, data_file in self._closed:
            data_file.result()

    def _full(self, target_bytes: int) -> list[_Key]:
        """The files to close: those of the target size, and the largest if all hold too much."""
        stored = {key: one.stored_bytes for key, one in self._open.items()}
        full = [key for key, size_bytes in stored.items() if size_bytes >= target_bytes]
        held = {key: min(size_bytes, UPLOAD_BYTES) for key, size_bytes in stored.items() if key not in full}
        held_bytes = sum(held.values())
        for key in sorted(held, key=lambda one: stored[one], reverse=True):
            if held_bytes <= OPEN_BYTES:
                break
            held_bytes -= held[key]
            full.append(key)
        return full

    def _close_files(self, keys: Iterable[_Key]) -> None:
        for key in keys:
            one = self._open.pop(key)
            self._closed.append((one, one.close()))

    def _file_for(self, key: PartitionKey | None, of: FittedRows, full_bytes: int | None) -> OpenFile:
        """The open file of this partition, or a new one, also if the open one has `full_bytes` or more."""
        of_partition = _key(key)
        found = self._open.get(of_partition)
        if found is not None and full_bytes is not None:
            found.wait()
            if found.stored_bytes >= full_bytes:
                self._close_files([of_partition])
                found = None
        if found is None:
            if len(self._open) >= OPEN_FILES:
                self._close_files([next(iter(self._open))])
            found = self._new_file(key, of)
        self._open.pop(of_partition, None)
        self._open[of_partition] = found
        return found

    def _new_file(self, key: PartitionKey | None, of: FittedRows) -> OpenFile:
        name = f"00000-{next(self._numbers)}-{self._uuid}.parquet"
        locations = load_location_provider(of.metadata.location, of.metadata.properties)
        output = self._outputs.new_output(locations.new_data_location(name, key))
        return OpenFile(output, of, key, self._writers)


def write_data_files(metadata: TableMetadata, io: FileIO, frame: pa.Table, *, name: str) -> WrittenFiles:
    """Writes the rows of `frame` for a table of this metadata, split by its partition spec, without a commit.

    Raises RowsRefused if the table cannot take the rows; after any exception it tries to delete the files of
    this call.
    """
    return written_at_once(DataFiles(io, name=name), fit_rows(metadata, frame, name=name))


def written_at_once(files: DataFiles, rows: FittedRows) -> WrittenFiles:
    """Writes the rows into new files and completes them; after any exception it tries to delete them."""
    try:
        files.add(rows)
        return files.close() or WrittenFiles(0, 0, rows.metadata.spec(), ())
    except BaseException:
        files.discard()
        raise


def _key(key: PartitionKey | None) -> _Key:
    """The partition as a key. By their texts, 0.0 and -0.0 are two values, as in Iceberg."""
    return () if key is None else tuple(repr(one.value) for one in key.field_values)


def _target_bytes(metadata: TableMetadata) -> int:
    found = property_as_int(
        metadata.properties,
        TableProperties.WRITE_TARGET_FILE_SIZE_BYTES,
        TableProperties.WRITE_TARGET_FILE_SIZE_BYTES_DEFAULT,
    )
    return max(found or 1, 1)


def _height(rows: pa.Table, size_bytes: int) -> int:
    """How many of these rows have about this size together."""
    return max(rows.num_rows * size_bytes // max(rows.nbytes, 1), 1)
