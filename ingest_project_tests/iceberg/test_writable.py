"""Tables that cannot be written are refused before anything is written; odd ones that can be are written."""

import logging
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project_tests.iceberg.factories import nothing, orders, orders_table, replacing, uri_of
from ingest_project_tests.iceberg.odd_tables import (
    Edit,
    Metadata,
    column,
    edit_table,
    of_version_3,
    partitioned_by,
    properties,
    sorted_by,
)
from ingest_project_tests.iceberg.readers import order_ids, order_ids_by_clickhouse, stored_files

NAME = "sales.orders"
ORDER_ID, AMOUNT, ORDERED_AT, GONE = 1, 2, 3, 77
STRUCT = {"type": "struct", "fields": [{"id": 50, "name": "zip", "type": "long", "required": False}]}
LIST = {"type": "list", "element-id": 50, "element": "long", "element-required": False}


def field(source_id: int, transform: str, name: str = "part") -> Metadata:
    return {"source-id": source_id, "transform": transform, "name": name}


def key(transform: str, source_id: int = ORDER_ID) -> Metadata:
    return {"source-id": source_id, "transform": transform}


def one_property(name: str, value: str) -> Edit:
    return properties({name: value})


UNWRITABLE: Mapping[str, tuple[str, list[Edit]]] = {
    "version 3": ("format version 3", [of_version_3]),
    "day and hour": (
        "d and h are both of column ordered_at",
        [partitioned_by(field(ORDERED_AT, "day", "d"), field(ORDERED_AT, "hour", "h"))],
    ),
    "two buckets": (
        "b and part are both of column order_id",
        [partitioned_by(field(ORDER_ID, "bucket[4]", "b"), field(ORDER_ID, "bucket[8]"))],
    ),
    "void and day": (
        "v and part are both of column ordered_at",
        [partitioned_by(field(ORDERED_AT, "void", "v"), field(ORDERED_AT, "day"))],
    ),
    "bucket of double": ("bucket[4] of column amount", [partitioned_by(field(AMOUNT, "bucket[4]"))]),
    "truncate of timestamp": (
        "truncate[4] of column ordered_at",
        [partitioned_by(field(ORDERED_AT, "truncate[4]"))],
    ),
    "day of long": ("day of column order_id", [partitioned_by(field(ORDER_ID, "day"))]),
    "unknown transform": ("zorder of column order_id", [partitioned_by(field(ORDER_ID, "zorder"))]),
    "dropped column": ("reads column #77", [partitioned_by(field(GONE, "identity"))]),
    "void of dropped column": ("reads column #77", [partitioned_by(field(GONE, "void"))]),
    "partition in list": (
        "tags.element, which has several values",
        [column("tags", LIST), partitioned_by(field(50, "identity"))],
    ),
    "partition by list": (
        "cannot apply to list<long>",
        [column("tags", LIST), partitioned_by(field(40, "identity"))],
    ),
    "sorted by unknown": ("zorder of column order_id", [sorted_by(key("zorder"))]),
    "sorted by dropped": ("sort order reads column #77", [sorted_by(key("identity", GONE))]),
    "nanoseconds": ("column at is timestamp_ns", [column("at", "timestamp_ns")]),
    "unknown": ("column x is unknown", [column("x", "unknown")]),
    "geometry": ("column x is geometry", [column("x", "geometry")]),
    "nanoseconds in list": (
        "column x.element is timestamptz_ns",
        [column("x", LIST | {"element": "timestamptz_ns"})],
    ),
    "struct of nothing": ("column x is a struct without fields", [column("x", STRUCT | {"fields": []})]),
    "encrypted": ("it is encrypted", [one_property("encryption.key-id", "k1")]),
    "codec": ("compression-codec is 'lzo'", [one_property("write.parquet.compression-codec", "lzo")]),
    "level": ("compression-level is 'high'", [one_property("write.parquet.compression-level", "high")]),
    "file size": ("file-size-bytes is '128m'", [one_property("write.target-file-size-bytes", "128m")]),
    "row group": ("Row group size cannot be 0", [one_property("write.parquet.row-group-limit", "0")]),
    "metrics": ("metrics.default is 'some'", [one_property("write.metadata.metrics.default", "some")]),
    "metrics of column": (
        "column.amount is 'truncate(0)'",
        [one_property("write.metadata.metrics.column.amount", "truncate(0)")],
    ),
    "summary": ("partition-limit is 'x'", [one_property("write.summary.partition-limit", "x")]),
    "merge": ("manifest-merge.enabled is 'x'", [one_property("commit.manifest-merge.enabled", "x")]),
    "old metadata": ("versions-max is 'x'", [one_property("write.metadata.previous-versions-max", "x")]),
    "object storage": ("storage.enabled is 'maybe'", [one_property("write.object-storage.enabled", "maybe")]),
    "data path": ("gopher", [one_property("write.data.path", "gopher://x/y")]),
    "metadata path": ("gopher", [one_property("write.metadata.path", "gopher://x/y")]),
    "location provider": ("acme.Layout", [one_property("write.py-location-provider.impl", "acme.Layout")]),
    "name mapping": ("Invalid JSON", [one_property("schema.name-mapping.default", "{")]),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNWRITABLE)
def test_table_that_cannot_be_written_is_refused_before_anything_is_written(
    kind: str, sqlite_lake: Lake, capfd: pytest.CaptureFixture[str]
) -> None:
    reason, edits = UNWRITABLE[kind]
    orders_table(sqlite_lake)
    edit_table(sqlite_lake, NAME, *edits)
    table = sqlite_lake.find(NAME)
    assert table is not None

    obstacles = table.obstacles()
    with pytest.raises(TableMismatch) as caught:
        table.write(orders("one", [1]))

    assert [one for one in obstacles if reason in one.reason], obstacles
    assert all(one.remedy for one in obstacles)
    assert str(obstacles[0]) in str(caught.value)
    assert NAME in str(caught.value)
    assert stored_files(table) == set()
    assert capfd.readouterr().out == ""


UNREADABLE: Mapping[str, tuple[str, Edit]] = {
    "version 4": ("'4'", lambda metadata: metadata.update({"format-version": 4})),
    "variant": ("Unsupported field type: 'variant'", column("x", "variant")),
    "two arguments": (
        "Multi argument transforms",
        partitioned_by({"source-ids": [1, 2], "transform": "bucket[4]", "name": "b"}),
    ),
    "identifier": (
        "Identifier field 1 invalid",
        lambda metadata: metadata["schemas"][0].update({"identifier-field-ids": [1]}),
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_table_that_pyiceberg_cannot_read_is_a_mismatch_on_one_line(kind: str, sqlite_lake: Lake) -> None:
    reason, edit = UNREADABLE[kind]
    orders_table(sqlite_lake)
    edit_table(sqlite_lake, NAME, edit)

    with pytest.raises(TableMismatch) as caught:
        sqlite_lake.find(NAME)

    assert reason in caught.value.reason
    assert str(caught.value).isprintable()


WRITABLE: Mapping[str, list[Edit]] = {
    "orc": [one_property("write.format.default", "orc")],
    "avro": [one_property("write.format.default", "avro")],
    "no format": [one_property("write.format.default", "lance")],
    "row group bytes": [one_property("write.parquet.row-group-size-bytes", "134217728")],
    "bloom filters": [
        one_property("write.parquet.bloom-filter-enabled.column.order_id", "true"),
        one_property("write.parquet.bloom-filter-max-bytes", "1048576"),
    ],
    "snappy with a level": [
        properties({"write.parquet.compression-codec": "snappy", "write.parquet.compression-level": "3"})
    ],
    "manifests in snappy": [one_property("write.avro.compression-codec", "snappy")],
    "manifests in xz": [one_property("write.avro.compression-codec", "xz")],
    "object storage": [one_property("write.object-storage.enabled", "true")],
    "write-audit-publish": [one_property("write.wap.enabled", "true")],
    "sorted": [sorted_by(key("bucket[4]"))],
    "void": [partitioned_by(field(ORDERED_AT, "void"))],
    "field of a struct": [column("place", STRUCT), partitioned_by(field(50, "identity", "place.zip"))],
    "identity of double": [partitioned_by(field(AMOUNT, "identity", "amount"))],
    "default value": [column("x", "long", default=7)],
    "version 1": [
        lambda metadata: metadata.update(
            {"format-version": 1, "schema": metadata["schemas"][0], "partition-spec": []}
        )
    ],
}


@pytest.mark.parametrize("kind", WRITABLE)
def test_odd_table_takes_rows_and_replaces_them(
    kind: str, sqlite_lake: Lake, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    orders_table(sqlite_lake)
    edit_table(sqlite_lake, NAME, *WRITABLE[kind])
    table = sqlite_lake.find(NAME)
    assert table is not None

    with caplog.at_level(logging.WARNING):
        table.commit("one", [table.write(orders("one", [1, 2, 3], uri=uri_of(1)))], nothing)
        table.commit("two", [table.write(orders("two", [4, 5]))], replacing(uri_of(1)))

    assert order_ids(table) == [4, 5]
    assert order_ids_by_clickhouse(table) == [4, 5]
    assert {path.suffix for path in stored_files(table)} == {".parquet"}
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_property_of_a_table_is_left_as_it_is(sqlite_lake: Lake) -> None:
    orders_table(sqlite_lake)
    edit_table(sqlite_lake, NAME, one_property("write.format.default", "orc"))
    table = sqlite_lake.find(NAME)
    assert table is not None

    table.commit("one", [table.write(orders("one", [1]))], nothing)

    assert table._table.properties["write.format.default"] == "orc"


class Refusing:
    """A library that refuses one of the files of a write: PyArrow raises classes of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        from pyiceberg.io import pyarrow

        write, self.calls = pyarrow.ParquetFormatWriter.write, 0

        def refuse(writer: Any, rows: pa.Table) -> None:
            write(writer, rows)
            self.calls += 1
            if self.calls == 3:
                raise error

        monkeypatch.setattr(pyarrow.ParquetFormatWriter, "write", refuse)


@pytest.mark.parametrize(
    "error", [pa.ArrowInvalid("no\x1b[2J"), NotImplementedError(), KeyError("x")], ids=repr
)
def test_bare_error_of_a_library_names_the_table_and_leaves_no_file(
    sqlite_lake: Lake, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    table = orders_table(sqlite_lake, partition_spec=["hour(ordered_at)"])
    table.refuse_unwritable()
    refusing = Refusing(monkeypatch, error)

    with pytest.raises(TableMismatch) as caught:
        table.write(orders("one", range(9)))

    assert refusing.calls >= 3
    assert stored_files(table) == set()
    assert f"table {NAME}: PyIceberg cannot write the rows: {type(error).__name__}" in str(caught.value)
    assert str(caught.value).isprintable()


def test_lack_of_memory_is_not_a_fault_of_the_table(
    sqlite_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = orders_table(sqlite_lake, partition_spec=["hour(ordered_at)"])
    table.refuse_unwritable()
    Refusing(monkeypatch, pa.ArrowMemoryError("out of memory"))

    with pytest.raises(MemoryError):
        table.write(orders("one", range(9)))

    assert stored_files(table) == set()


def test_snapshot_that_cannot_be_written_leaves_neither_data_nor_manifests(
    sqlite_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyiceberg.manifest import ManifestListWriterV2

    table = orders_table(sqlite_lake)
    table.commit("one", [table.write(orders("one", [1, 2], uri=uri_of(1)))], nothing)
    before = stored_files(table) | stored_files(table, "metadata")
    written = table.write(orders("two", [3]))

    def refuse(*_: object) -> None:
        raise TypeError("no manifest list today")

    monkeypatch.setattr(ManifestListWriterV2, "prepare_manifest", refuse)
    with pytest.raises(TableMismatch, match="cannot write the snapshot: TypeError: no manifest list today"):
        table.commit("two", [written], replacing(uri_of(1)))

    assert stored_files(table) | stored_files(table, "metadata") == before
