"""Lets PyIceberg parse a table's metadata once a commit, and copy no snapshot.

A table's metadata is nearly all a list of its snapshots. It is parsed for each look at the table and again by
the catalog's commit, which also copies it deeply, as the staging of the commit does. But the snapshots and
the entries of the two logs are frozen, so copies can share them; and what was parsed last from the same text
can be used again.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil
from pyiceberg.table.snapshots import MetadataLogEntry, Snapshot, SnapshotLogEntry

REMEMBERED = 2
"""Metadata that a process holds parsed: a batch commits to a table and to its quarantine."""

_MENDED = "_is_parsed_and_copied_once"


def handle_metadata_once() -> None:
    """Makes PyIceberg share snapshots among copies and remember parsed metadata, process-wide; idempotent."""
    if hasattr(TableMetadataUtil, _MENDED):
        return
    setattr(TableMetadataUtil, _MENDED, True)
    for model in (Snapshot, SnapshotLogEntry, MetadataLogEntry):
        model.__deepcopy__ = _sharing(model.__deepcopy__)  # type: ignore[method-assign]
    TableMetadataUtil.parse_raw = staticmethod(  # type: ignore[method-assign]
        _Parsed(TableMetadataUtil.parse_raw).parse_raw
    )


def _sharing(original: Any) -> Any:
    def deepcopy(self: Any, memo: dict[int, Any] | None = None) -> Any:
        # Without a memo it is `model_copy(deep=True)`, whose result may be updated.
        return original(self) if memo is None else self

    return deepcopy


class _Parsed:
    """The metadata that was parsed last, by the digest of its text, so that edits of a file are seen."""

    def __init__(self, parse: Callable[[str], TableMetadata]) -> None:
        self._parse = parse
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, TableMetadata] = OrderedDict()

    def parse_raw(self, data: str) -> TableMetadata:
        """The metadata of this text, with lists and dictionaries of its own."""
        digest = hashlib.sha256(data.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            known = self._known.get(digest)
        if known is None:
            known = self._parse(data)
        with self._lock:
            self._known[digest] = known
            self._known.move_to_end(digest)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        own = {name: value.copy() for name, value in known if isinstance(value, list | dict)}
        return known.model_copy(update=own)
