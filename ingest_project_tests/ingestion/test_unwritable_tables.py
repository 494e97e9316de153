"""Batches of tables that PyIceberg cannot write, that require values, or that refuse rows of one object."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingest_project.checks.deployment.finding import Finding, Level
from ingest_project.checks.deployment.tables import check_tables
from ingest_project.errors import TableMismatch
from ingest_project.iceberg import table as iceberg_table
from ingest_project.iceberg.fitted_rows import FittedRows, fit_rows
from ingest_project.ledger.model import ObjectState
from ingest_project_tests.factories import ORDERS, Zone, order_key
from ingest_project_tests.faults import Killed, die
from ingest_project_tests.iceberg.odd_tables import (
    Edit,
    column,
    edit_table,
    of_version_3,
    partitioned_by,
    properties,
    required,
)
from ingest_project_tests.iceberg.readers import rows_by_clickhouse, stored_files

COLUMNS = {"order_id": "long", "seen_at": "timestamptz"}
TWO_FIELDS = partitioned_by(
    {"source-id": 2, "transform": "day", "name": "d"}, {"source-id": 2, "transform": "hour", "name": "h"}
)


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def made(zone: Zone, *edits: Edit, **declared: Any) -> Zone:
    """A process that finds sales.orders as another engine left it."""
    zone = zone.declare(**{"columns": COLUMNS, **declared})
    settings = zone.services.settings.table(ORDERS)
    zone.services.lake.table(settings, columns=settings.column_types or {})
    edit_table(zone.services.lake, ORDERS, *edits)
    return zone


def problems(zone: Zone) -> list[Finding]:
    found = check_tables(zone.services)
    return [one for one in found if one.subject == ORDERS and one.level is Level.PROBLEM]


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize(
    ("reason", "edit"),
    [
        ("format version 3", of_version_3),
        ("are both of column seen_at", TWO_FIELDS),
        ("column x is geometry", column("x", "geometry")),
        ("lzo", properties({"write.parquet.compression-codec": "lzo"})),
    ],
    ids=["version", "partitions", "type", "codec"],
)
def test_batch_of_an_unwritable_table_stops_before_it_reads_and_blames_no_object(
    zone: Zone, reason: str, edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = made(zone, edit)
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    monkeypatch.setattr(type(zone.services.store), "fetch", None)  # no object is fetched

    for run in ("run-1", "run-2"):
        with pytest.raises(TableMismatch, match=reason) as caught:
            zone.process(batch_id, run_id=run)
        assert caught.value.error_class == "table_mismatch"
        assert caught.value.table == ORDERS

    assert zone.error_classes() == {}
    assert zone.states() == {order_key("a"): ObjectState.PLANNED}
    assert stored_files(zone.lake_table()) == set()
    (problem,) = problems(zone)
    assert reason in problem.message
    assert problem.remedy is not None
    assert str(problem.remedy) in str(caught.value)


def test_table_that_became_unwritable_after_the_commit_still_settles_its_batch(zone: Zone) -> None:
    zone = made(zone)
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_settle=die))
    edit_table(zone.services.lake, ORDERS, TWO_FIELDS)

    zone.restarted().process(batch_id, run_id="run-2")

    assert zone.states() == {order_key("a"): ObjectState.COMMITTED}


def test_quarantine_that_cannot_be_written_stops_the_batch_and_leaves_no_file_of_the_table(
    zone: Zone,
) -> None:
    zone = made(zone)
    zone.put(order_key("a"), lines({"order_id": 1}, {"order_id": "x"}))
    zone.ingest_one()
    edit_table(zone.services.lake, f"{ORDERS}__quarantine", of_version_3)
    files = stored_files(zone.lake_table())
    zone.put_orders("b", 2)
    batch_id = zone.plan_one()

    with pytest.raises(TableMismatch, match=f"{ORDERS}__quarantine: .* format version 3"):
        zone.process(batch_id)

    assert stored_files(zone.lake_table()) == files


@pytest.mark.parametrize("file_format", ["orc", "avro"])
def test_wish_for_another_file_format_is_no_reason_not_to_write(zone: Zone, file_format: str) -> None:
    zone = made(zone, properties({"write.format.default": file_format}))
    zone.put_orders("a", 1)

    zone.ingest_one()
    zone.put_orders("a", 2)
    zone.ingest_one()

    zone.assert_exact(2)
    assert problems(zone) == []


LINES = {
    "type": "list",
    "element-id": 50,
    "element-required": True,
    "element": {
        "type": "struct",
        "fields": [
            {"id": 51, "name": "sku", "type": "string", "required": True},
            {"id": 52, "name": "note", "type": "string", "required": False},
            {
                "id": 60,
                "name": "place",
                "required": False,
                "type": {
                    "type": "struct",
                    "fields": [{"id": 61, "name": "zip", "type": "int", "required": True}],
                },
            },
            {
                "id": 53,
                "name": "sizes",
                "required": False,
                "type": {
                    "type": "map",
                    "key-id": 54,
                    "key": "string",
                    "value-id": 55,
                    "value": "int",
                    "value-required": True,
                },
            },
        ],
    },
}
SOUND: tuple[dict[str, Any], ...] = (
    {"order_id": 1, "lines": None},
    {"order_id": 2, "lines": []},
    {"order_id": 3, "lines": [{"sku": "a"}, {"sku": "b", "sizes": {}, "place": {"zip": 1}}]},
    {"order_id": 4, "lines": [{"sku": "c", "sizes": {"x": 1, "y": 2}}]},
    {"order_id": 5},
)
BAD: dict[str, dict[str, Any]] = {
    "lines.element is null, and the table requires it": {"order_id": 11, "lines": [{"sku": "a"}, None]},
    "lines.element.sku is null, and the table requires it": {"order_id": 12, "lines": [{"note": "n"}]},
    "lines.element.place.zip is null, and the table requires it": {
        "order_id": 14,
        "lines": [{"sku": "a", "place": {"zip": 2}}, {"sku": "a", "place": {"zip": None}}],
    },
    "lines.element.sizes.value is null, and the table requires it": {
        "order_id": 13,
        "lines": [{"sku": "a", "sizes": {"x": 1, "y": None}}],
    },
    "is null, and the table requires it": {"lines": []},
}


def as_parquet(*rows: dict[str, Any]) -> bytes:
    import pyarrow.parquet as pq

    place = pa.struct([("zip", pa.int32())])
    sizes = pa.map_(pa.string(), pa.int32())
    line = pa.struct([("sku", pa.string()), ("note", pa.string()), ("sizes", sizes), ("place", place)])
    schema = pa.schema([("order_id", pa.int64()), ("lines", pa.list_(line))])
    written = [
        {
            "order_id": row.get("order_id"),
            "lines": row.get("lines")
            and [one and {**one, "sizes": list((one.get("sizes") or {}).items())} for one in row["lines"]],
        }
        for row in rows
    ]
    stream = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(written, schema), stream)
    return stream.getvalue().to_pybytes()


@pytest.mark.parametrize("file_format", ["ndjson", "parquet"])
def test_row_without_a_value_that_the_table_requires_at_any_depth_is_a_bad_row(
    zone: Zone, file_format: str, capfd: pytest.CaptureFixture[str]
) -> None:
    zone = made(zone, required("order_id"), column("lines", LINES), format=file_format)
    body = lines if file_format == "ndjson" else as_parquet
    zone.put(order_key("a"), body(*SOUND))
    zone.put(order_key("b"), body(SOUND[0] | {"order_id": 6}, *BAD.values()))

    zone.ingest_one()

    assert sorted(zone.rows()["order_id"].to_list()) == [1, 2, 3, 4, 5, 6]
    assert len(rows_by_clickhouse(zone.lake_table())) == 6
    reasons = zone.rejected()[order_key("b")]
    assert len(reasons) == len(BAD)
    for reason, expected in zip(reasons, BAD, strict=True):
        assert reason.endswith(expected), (reason, expected)
    assert zone.lake_table().required == {
        ("order_id",),
        ("lines", "element"),
        ("lines", "element", "sku"),
        ("lines", "element", "place", "zip"),
        ("lines", "element", "sizes", "key"),
        ("lines", "element", "sizes", "value"),
    }
    assert "\u2503" not in capfd.readouterr().out


def test_object_with_a_row_that_lacks_a_required_value_fails_where_bad_rows_do(zone: Zone) -> None:
    zone = made(zone, required("order_id"), column("lines", LINES), bad_rows="fail")
    zone.put(order_key("a"), lines(*SOUND))
    zone.put(order_key("b"), lines({"order_id": 6, "lines": [None]}))

    zone.ingest_one()

    assert sorted(zone.rows()["order_id"].to_list()) == [1, 2, 3, 4, 5]
    assert zone.error_classes() == {order_key("b"): "schema"}


def test_object_whose_rows_a_table_refuses_fails_alone(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a value caused a fault of PyArrow; no such value is known."""

    def refusing(metadata: Any, frame: pa.Table, *, name: str) -> FittedRows:
        if 13 in frame["order_id"].to_pylist():
            edited = frame.set_column(0, "order_id", pa.array(["x"] * frame.num_rows))
            return fit_rows(metadata, edited, name=name)
        return fit_rows(metadata, frame, name=name)

    monkeypatch.setattr(iceberg_table, "fit_rows", refusing)
    zone = zone.declare(columns={"order_id": "long"})
    zone.put_orders("z", 9)
    zone.ingest_one()
    zone = zone.declare(columns=None)
    zone.put(order_key("a"), lines({"order_id": 1}))
    zone.put(order_key("b"), lines({"order_id": 13, "note": "brings a column"}))
    zone.put(order_key("c"), lines({"order_id": 2}))

    result = zone.ingest_one()

    zone.assert_exact(1, 2, 9)
    assert zone.lake_table().columns == {"order_id": "long"}
    assert zone.error_classes() == {order_key("b"): "schema"}
    assert [failure.reason.partition(": ")[2][:26] for failure in result.failures] == [
        "its table cannot take it: "
    ]
    assert len(stored_files(zone.lake_table())) == len(zone.lake_table()._table.inspect.files())
