"""One data file that is being written: rows go to threads, and are in the file when it is closed."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import TypeVar

import pyarrow as pa
from pyiceberg.io.fileformat import FileFormatFactory, FileFormatWriter
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionKey
from pyiceberg.typedef import Record

from ingest_project.iceberg.fitted_rows import FittedRows
from ingest_project.iceberg.partitioned_rows import Part
from ingest_project.iceberg.recorded_outputs import RecordedOutput
from ingest_project.iceberg.sort_order import is_sorted

_T = TypeVar("_T")


class OpenFile:
    """A Parquet file of one partition. Its steps run one after another, on the threads of `writers`.

    `writers` starts what it is given in that order, so a step that waits for the one before never waits for
    one that has not begun.
    """

    def __init__(
        self, output: RecordedOutput, of: FittedRows, key: PartitionKey | None, writers: Executor
    ) -> None:
        self._output = output
        self._key = key
        self._spec_id = of.metadata.default_spec_id
        parquet = FileFormatFactory.get(FileFormat.PARQUET)
        self._writer: FileFormatWriter | None = parquet.create_writer(
            output, of.file_schema, of.metadata.properties
        )
        self._writers = writers
        self._sort_order_id = of.metadata.default_sort_order_id if is_sorted(of.metadata) else None
        self._writes = 0
        self._last: Future[None] | None = None

    def write(self, rows: pa.Table, part: Part) -> None:
        """Begins to write this part of the rows, as one row group unless it has very many rows."""
        self._writes += 1
        writer = self._writer
        assert writer is not None  # noqa: S101 - it is only none once `close` was called
        self._last = self._after_last(lambda: writer.write(part.of(rows)))

    def close(self) -> Future[DataFile]:
        """Begins to complete the file."""
        return self._after_last(self._close)

    def wait(self) -> None:
        """Waits for what was begun, and raises its error if it failed."""
        if self._last is not None:
            self._last.result()

    def abandon(self) -> None:
        """Ends the file, which is useless. Only when no step of it is running any more."""
        if self._writer is not None:
            with suppress(Exception):  # of any class: it may never have been opened, or have failed half way
                self._writer.close()

    @property
    def stored_bytes(self) -> int:
        """The bytes written so far. Only when no step of it is running."""
        return self._output.written_bytes()

    def _after_last(self, step: Callable[[], _T]) -> "Future[_T]":
        last = self._last

        def run() -> _T:
            if last is not None:
                last.result()
            return step()

        return self._writers.submit(run)

    def _close(self) -> DataFile:
        assert self._writer is not None  # noqa: S101 - it is closed once
        statistics = self._writer.close()
        self._writer = None  # PyArrow's keeps its memory, closed or not
        return DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=self._output.location,
            file_format=FileFormat.PARQUET,
            partition=self._key.partition if self._key else Record(),
            file_size_in_bytes=len(self._output),
            sort_order_id=self._sort_order_id if self._writes == 1 else None,
            spec_id=self._spec_id,
            equality_ids=None,
            key_metadata=None,
            **statistics.to_serialized_dict(),
        )
