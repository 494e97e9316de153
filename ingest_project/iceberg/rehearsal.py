"""Rehearses a batch in memory: does with sample rows what the first real batch will do with the table.

A row with a value in every part, and one with as few values as the table allows, are written and committed to
a copy of the table's metadata, and one of them is replaced. What PyIceberg or PyArrow cannot do with this
schema, spec and properties fails here and leaves nothing behind.
"""

import io as streams
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io import FileIO, InputFile, OutputFile
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata

from ingest_project.iceberg.attempt import Changeset, stage
from ingest_project.iceberg.data_files import write_data_files
from ingest_project.iceberg.replacement import Replacement
from ingest_project.iceberg.sample_values import sample_type, sample_value
from ingest_project.settings.model import PROVENANCE_COLUMNS

_URI, _VERSION, _BATCH = PROVENANCE_COLUMNS[:3]
_FIRST, _SECOND = "s3://rehearsal/1", "s3://rehearsal/2"
_NO_HISTORY: Mapping[str, Any] = {
    "current_snapshot_id": None,
    "snapshots": [],
    "snapshot_log": [],
    "refs": {},
    "statistics": [],
    "partition_statistics": [],
}


def rehearse(metadata: TableMetadata, *, name: str) -> None:
    """Writes, commits and replaces rows of a table of this metadata, in memory.

    Raises what a library raises, and TableMismatch if our own code refuses the table.
    """
    memory = _Memory()
    table = _table(metadata.model_copy(update=dict(_NO_HISTORY)), memory, name)
    written = write_data_files(table.metadata, memory, _rows(metadata.schema()), name=name)
    first = stage(table, Changeset("rehearsal", [written], {}), Replacement(), name=name)
    assert first is not None  # noqa: S101 - it brings rows
    after = _table(first.transaction.table_metadata, memory, name)
    stage(after, Changeset("replacement", [], {}), Replacement(frozenset({_FIRST})), name=name)


def _table(metadata: TableMetadata, io: FileIO, name: str) -> Table:
    return Table(tuple(name.split(".")), metadata, metadata.location, io, NoopCatalog("rehearsal"))


def _rows(schema: Schema) -> pa.Table:
    full = {field.name: sample_value(field.field_type) for field in schema.fields}
    bare = {field.name: sample_value(field.field_type) if field.required else None for field in schema.fields}
    told = {_VERSION: "1", _BATCH: "rehearsal"}
    rows = [full | told | {_URI: _FIRST}, bare | told | {_URI: _SECOND}]
    columns = {
        field.name: pa.array([row[field.name] for row in rows], sample_type(field.field_type))
        for field in schema.fields
    }
    return pa.table(columns)


class _Memory(FileIO):
    """Storage in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}

    def new_input(self, location: str) -> "_MemoryFile":
        return _MemoryFile(location, self.files)

    def new_output(self, location: str) -> "_MemoryFile":
        return _MemoryFile(location, self.files)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        self.files.pop(location if isinstance(location, str) else location.location, None)


class _MemoryFile(InputFile, OutputFile):
    def __init__(self, location: str, files: dict[str, bytes]) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        return len(self._files[self.location])

    def exists(self) -> bool:
        return self.location in self._files

    def open(self, seekable: bool = True) -> streams.BytesIO:
        return streams.BytesIO(self._files[self.location])

    def to_input_file(self) -> "_MemoryFile":
        return self

    def create(self, overwrite: bool = False) -> "_Kept":
        return _Kept(self.location, self._files)


class _Kept(streams.BytesIO):
    """A stream whose bytes become the file's when it is closed."""

    def __init__(self, location: str, files: dict[str, bytes]) -> None:
        super().__init__()
        self._location = location
        self._files = files

    def close(self) -> None:
        if not self.closed:
            self._files[self._location] = self.getvalue()
        super().close()
