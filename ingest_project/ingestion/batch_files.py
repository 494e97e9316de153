"""The data files of a batch while they are written: those of the table and those of its quarantine."""

from dataclasses import dataclass, field

from ingest_project.iceberg.data_files import DataFiles, WrittenFiles
from ingest_project.iceberg.fitted_rows import FittedRows
from ingest_project.iceberg.table import LakeTable


@dataclass(slots=True)
class BatchFiles:
    """Files that take rows until they are closed, by the name of their table."""

    _open: dict[str, DataFiles] = field(default_factory=dict)

    def add(self, table: LakeTable, rows: FittedRows) -> None:
        """Begins to write these rows; raises what the writing of earlier ones raised."""
        if table.name not in self._open:
            self._open[table.name] = table.new_files()
        self._open[table.name].add(rows)

    def close(self) -> dict[str, WrittenFiles]:
        """Completes the files of all tables that have rows; raises what `add` raises."""
        closed = {name: files.close() for name, files in self._open.items()}
        self._open.clear()  # what is complete belongs to the caller
        return {name: written for name, written in closed.items() if written is not None}

    def discard(self) -> None:
        """Tries to delete all files."""
        for files in self._open.values():
            files.discard()
        self._open.clear()
