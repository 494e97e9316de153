"""Lets PyIceberg parse a table's metadata once a commit, and copy no snapshot.

A table's metadata is nearly all a list of its snapshots. It is parsed for each look at the table and again
by the catalog's commit, which also copies it deeply, as the staging of the commit does. But the snapshots and
the entries of the two logs are frozen, so copies can share them; and a metadata file never changes, so what
was parsed from it last can be used again. https://iceberg.apache.org/spec/#table-metadata-and-snapshots
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from pyiceberg.io import InputFile
from pyiceberg.serializers import FromInputFile
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import MetadataLogEntry, Snapshot, SnapshotLogEntry

REMEMBERED = 2
"""Metadata files of a process that are held parsed: a batch commits to a table and to its quarantine."""

_MENDED = "_is_parsed_and_copied_once"


def handle_metadata_once() -> None:
    """Makes PyIceberg share snapshots among copies and remember parsed metadata, process-wide; idempotent."""
    if hasattr(FromInputFile, _MENDED):
        return
    setattr(FromInputFile, _MENDED, True)
    for model in (Snapshot, SnapshotLogEntry, MetadataLogEntry):
        model.__deepcopy__ = _sharing(model.__deepcopy__)  # type: ignore[method-assign]
    FromInputFile.table_metadata = staticmethod(  # type: ignore[method-assign]
        _Parsed(FromInputFile.table_metadata).table_metadata
    )


def _sharing(original: Any) -> Any:
    def deepcopy(self: Any, memo: dict[int, Any] | None = None) -> Any:
        # Without a memo it is `model_copy(deep=True)`, whose result may be updated.
        return original(self) if memo is None else self

    return deepcopy


class _Parsed:
    """The metadata of the files that were read last, by their location."""

    def __init__(self, parse: Callable[..., TableMetadata]) -> None:
        self._parse = parse
        self._lock = threading.Lock()
        self._files: OrderedDict[str, TableMetadata] = OrderedDict()

    def table_metadata(self, input_file: InputFile, *options: Any, **named: Any) -> TableMetadata:
        """The metadata of the file, with lists and dictionaries of its own."""
        with self._lock:
            known = self._files.get(input_file.location)
        if known is None:
            known = self._parse(input_file, *options, **named)
        with self._lock:
            self._files[input_file.location] = known
            self._files.move_to_end(input_file.location)
            while len(self._files) > REMEMBERED:
                self._files.popitem(last=False)
        own = {name: value.copy() for name, value in known if isinstance(value, list | dict)}
        return known.model_copy(update=own)
