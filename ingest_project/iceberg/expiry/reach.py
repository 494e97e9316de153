"""The files that only expired snapshots reach: what they reach, minus what the table's other snapshots reach.

    snapshot -> manifest list -> manifests -> data and delete files;  snapshot -> statistics

Paths are collected in a temporary SQLite file, which is removed with the connection, or when the process
dies: memory does not grow with the number of snapshots or files. A file of an expired snapshot that is
missing was deleted before, and so was all that it reached: files are deleted in the order of `Kind`.
"""

import io
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

from pyiceberg.avro.file import AvroFile
from pyiceberg.io import FileIO, InputFile, InputStream
from pyiceberg.manifest import (
    DEFAULT_READ_VERSION,
    MANIFEST_ENTRY_SCHEMAS,
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestEntry,
    ManifestEntryStatus,
    read_manifest_list,
)
from pyiceberg.table.metadata import TableMetadata

READERS = 16
"""How many files are read at once: mostly they wait for the storage."""

CACHE_KIB = 32 * 1024


class Kind(IntEnum):
    """Kinds of files, in the order of their deletion: none goes before all that is found through it."""

    DATA_FILES = 0
    DELETE_FILES = 1
    MANIFESTS = 2
    MANIFEST_LISTS = 3
    STATISTICS = 4


@dataclass(frozen=True, slots=True)
class Root:
    """A file that the table's metadata names: a manifest list, whose size is unknown, or statistics."""

    path: str
    kind: Kind
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class File:
    """A file that nothing in the table reaches any more."""

    path: str
    kind: Kind
    size_bytes: int


class Unreachable:
    """The files that were found; ordered by kind."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def totals(self) -> dict[Kind, tuple[int, int]]:
        """The number of files and their bytes, by kind."""
        query = "select kind, count(*), sum(size_bytes) from files group by kind"
        return {Kind(kind): (count, size) for kind, count, size in self._connection.execute(query)}

    def portions(self, kind: Kind, size: int) -> Iterator[list[File]]:
        """All files of one kind, `size` at a time."""
        found = self._connection.execute("select path, size_bytes from files where kind = ?", (kind,))
        while rows := found.fetchmany(size):
            yield [File(path, kind, size_bytes) for path, size_bytes in rows]


def roots_of(metadata: TableMetadata, snapshot_ids: set[int]) -> list[Root]:
    """The files that the metadata names for these snapshots."""
    lists = (one.manifest_list for one in metadata.snapshots if one.snapshot_id in snapshot_ids)
    statistics = (
        Root(one.statistics_path, Kind.STATISTICS, one.file_size_in_bytes)
        for one in [*metadata.statistics, *metadata.partition_statistics]
        if one.snapshot_id in snapshot_ids
    )
    return [*(Root(path, Kind.MANIFEST_LISTS) for path in lists), *statistics]


@contextmanager
def unreachable(storage: FileIO, gone: Sequence[Root], kept: Sequence[Root]) -> Iterator[Unreachable]:
    """The files that `gone` reaches and `kept` does not.

    Raises FileNotFoundError, or another OSError, if a file that is kept cannot be read.
    """
    connection = sqlite3.connect("", isolation_level=None)
    try:
        connection.execute(f"pragma cache_size = -{CACHE_KIB}")
        connection.execute("pragma journal_mode = off")
        connection.execute("pragma synchronous = off")
        for table in ("roots", "manifests", "old_manifests"):
            connection.execute(f"create table {table} (path text primary key) without rowid")
        connection.execute(
            "create table files (path text primary key, kind integer, size_bytes integer) without rowid"
        )
        connection.execute("begin")  # one transaction, which is never committed
        search = _Search(connection, storage)
        search.keep(kept)
        search.add(gone)
        search.take_out_what_is_kept()
        yield Unreachable(connection)
    finally:
        connection.close()


class _Search:
    """Fills the tables: `roots` and `manifests` are kept, `files` may go."""

    def __init__(self, connection: sqlite3.Connection, storage: FileIO) -> None:
        self._connection = connection
        self._storage = storage

    def keep(self, kept: Sequence[Root]) -> None:
        self._insert("roots", (root.path for root in kept))
        lists = [root.path for root in kept if root.kind is Kind.MANIFEST_LISTS]
        for files in _in_parallel(lists, self._manifests):
            self._insert("manifests", (one.path for one in files))

    def add(self, gone: Sequence[Root]) -> None:
        """Adds what `gone` reaches, without the manifests that are kept, and what these reach."""
        self._add(File(one.path, one.kind, one.size_bytes) for one in gone if one.kind is Kind.STATISTICS)
        lists = [root.path for root in gone if root.kind is Kind.MANIFEST_LISTS]
        for files in _in_parallel(lists, self._list_with_manifests):
            self._add(files)
        for table in ("roots", "manifests"):
            self._connection.execute(f"delete from files where path in (select path from {table})")  # noqa: S608
        self._connection.execute(
            "insert into old_manifests select path from files where kind = ?", (Kind.MANIFESTS,)
        )
        for files in _in_parallel(self._paths("old_manifests"), self._entries_if_there):
            self._add(files)

    def take_out_what_is_kept(self) -> None:
        """Removes the data and delete files that a kept manifest names."""
        query = "select 1 from files where kind in (?, ?) limit 1"
        if self._connection.execute(query, (Kind.DATA_FILES, Kind.DELETE_FILES)).fetchone() is None:
            return
        for files in _in_parallel(self._paths("manifests"), self._entries):
            self._connection.executemany("delete from files where path = ?", ((one.path,) for one in files))

    def _insert(self, table: str, paths: Iterable[str]) -> None:
        self._connection.executemany(f"insert or ignore into {table} values (?)", ((one,) for one in paths))  # noqa: S608

    def _add(self, files: Iterable[File]) -> None:
        self._connection.executemany(
            "insert or ignore into files values (?, ?, ?)",
            ((one.path, one.kind, one.size_bytes) for one in files),
        )

    def _paths(self, table: str) -> Iterator[str]:
        return (path for (path,) in self._connection.execute(f"select path from {table}"))  # noqa: S608

    def _manifests(self, path: str) -> list[File]:
        return _manifests(_Held(self._storage.new_input(path)))

    def _list_with_manifests(self, path: str) -> list[File]:
        try:
            held = _Held(self._storage.new_input(path))
        except FileNotFoundError:
            return []
        return [File(path, Kind.MANIFEST_LISTS, len(held)), *_manifests(held)]

    def _entries(self, path: str) -> list[File]:
        """The files that a manifest names as part of the table."""
        with AvroFile[ManifestEntry](
            self._storage.new_input(path),
            MANIFEST_ENTRY_SCHEMAS[DEFAULT_READ_VERSION],
            read_types={-1: ManifestEntry, 2: DataFile},
            read_enums={0: ManifestEntryStatus, 101: FileFormat, 134: DataFileContent},
        ) as entries:  # one at a time; `ManifestFile.fetch_manifest_entry` holds all of them
            return [_file(one.data_file) for one in entries if one.status != ManifestEntryStatus.DELETED]

    def _entries_if_there(self, path: str) -> list[File]:
        try:
            return self._entries(path)
        except FileNotFoundError:
            return []


class _Held(InputFile):
    """A file that is read once, so that its size is known without another request."""

    def __init__(self, file: InputFile) -> None:
        super().__init__(file.location)
        with file.open() as stream:
            self._content = stream.read()

    def __len__(self) -> int:
        return len(self._content)

    def exists(self) -> bool:
        return True

    def open(self, seekable: bool = True) -> InputStream:
        return io.BytesIO(self._content)


def _manifests(held: _Held) -> list[File]:
    return [File(one.manifest_path, Kind.MANIFESTS, one.manifest_length) for one in read_manifest_list(held)]


def _file(one: DataFile) -> File:
    kind = Kind.DATA_FILES if one.content == DataFileContent.DATA else Kind.DELETE_FILES
    return File(one.file_path, kind, one.file_size_in_bytes)


def _in_parallel(paths: Iterable[str], read: Callable[[str], list[File]]) -> Iterator[list[File]]:
    """What each file names, in their order. At most `READERS` answers, and one more, are held at once."""
    with ThreadPoolExecutor(READERS, thread_name_prefix="expiry") as readers:
        pending: deque[Future[list[File]]] = deque()
        for path in paths:
            pending.append(readers.submit(read, path))
            if len(pending) > READERS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
