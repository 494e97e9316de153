"""What a table reaches, by fastavro and the metadata's JSON: no code of PyIceberg or of the project."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fastavro

from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.readers import newest_metadata, stored_files

DELETED = 2


def reached_files(table: LakeTable) -> set[Path]:
    """The files that the snapshots of the newest metadata reach."""
    metadata = json.loads(_path(newest_metadata(table)).read_text())
    statistics = [*metadata.get("statistics", []), *metadata.get("partition-statistics", [])]
    reached = {_path(one["statistics-path"]) for one in statistics}
    for snapshot in metadata["snapshots"]:
        reached.add(_path(snapshot["manifest-list"]))
        for manifest in _records(snapshot["manifest-list"]):
            reached.add(_path(manifest["manifest_path"]))
            entries = _records(manifest["manifest_path"])
            reached |= {_path(one["data_file"]["file_path"]) for one in entries if one["status"] != DELETED}
    return reached


def assert_holds_what_it_reaches(table: LakeTable) -> None:
    """No file is missing and none is left over, apart from metadata files, which PyIceberg looks after."""
    stored = {path for path in stored_files(table, "") if not path.name.endswith(".metadata.json")}
    reached = reached_files(table)
    assert (sorted(reached - stored), sorted(stored - reached)) == ([], [])


def _records(location: str) -> Iterator[Any]:
    with _path(location).open("rb") as file:
        yield from fastavro.reader(file)


def _path(location: str) -> Path:
    return Path(urlsplit(location).path)
