"""What expired snapshots named, kept until their files are deleted.

The commit that removes snapshots also sets a property of the table, `ingest.expired.<id>`, to the location of
a file that names their manifest lists and statistics: from these the files to delete are found again, however
often the deletion is interrupted. Another commit removes the property when all are deleted. The id follows
from the snapshots, so that a call which died before its commit leaves a file that the next one writes again.
"""

import json
import uuid
from dataclasses import dataclass

from pyiceberg.io import FileIO
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.metadata import TableMetadata

from ingest_project.iceberg.expiry.reach import Kind, Root, roots_of

PREFIX = "ingest.expired."


@dataclass(frozen=True, slots=True)
class Record:
    """The property that names the record, and where its file is."""

    key: str
    location: str


def write_record(storage: FileIO, metadata: TableMetadata, snapshot_ids: set[int]) -> Record:
    """Writes what these snapshots name into the table's metadata folder."""
    roots = roots_of(metadata, snapshot_ids)
    number = uuid.uuid5(metadata.table_uuid, " ".join(map(str, sorted(snapshot_ids))))
    provider = load_location_provider(metadata.location, metadata.properties)
    record = Record(f"{PREFIX}{number}", provider.new_metadata_location(f"expired-{number}.json"))
    named = [[root.path, root.kind.name, root.size_bytes] for root in roots]
    content = {"table": str(metadata.table_uuid), "roots": named}
    with storage.new_output(record.location).create(overwrite=True) as stream:
        stream.write(json.dumps(content).encode())
    return record


def read_record(storage: FileIO, metadata: TableMetadata, record: Record) -> list[Root]:
    """What the record names; nothing if its file was deleted, or if it is of another table.

    A copy of a table's metadata has its properties too, but reaches other files.
    """
    try:
        with storage.new_input(record.location).open() as stream:
            content = json.loads(stream.read())
    except FileNotFoundError:
        return []
    if content["table"] != str(metadata.table_uuid):
        return []
    return [Root(path, Kind[kind], size_bytes) for path, kind, size_bytes in content["roots"]]


def records_of(metadata: TableMetadata) -> list[Record]:
    """The records of expiries that were not completed."""
    found = ((key, value) for key, value in metadata.properties.items() if key.startswith(PREFIX))
    return [Record(key, location) for key, location in sorted(found)]
